import assert from "node:assert/strict";
import { contents } from "../../ipam/lab.ts";
import type { Caller, TestNode } from "../node.ts";
import { testNode } from "../node.ts";
import { faulty } from "../../support/faulty.ts";

const IPAM = { type: "whereabouts", datastore: "embedded", log_level: "panic", range: "10.0.0.0/24" };
const CONF = { cniVersion: "1.1.0", name: "net", ipam: IPAM };

async function add(node: TestNode, caller: Caller, ipam: Record<string, unknown> = IPAM): Promise<string> {
  const { stdout } = await node.call("ADD", { ...CONF, ipam }, caller);
  return JSON.parse(stdout).ips[0].address;
}

/** Deletes everything in the store, as if it were restored from an older copy. */
async function lose(node: TestNode): Promise<void> {
  const { signal } = new AbortController();
  for (const pool of await node.driver.list(signal)) {
    const changes = [...pool.allocations.values()].map((before) => ({ address: before.address, before }));
    await node.driver.commit(pool, changes, signal);
  }
  for (const one of await node.driver.reservations?.list(undefined, signal) ?? []) {
    await node.driver.reservations?.release(one, signal);
  }
}

Deno.test("add skips an address that a sandbox of this node uses although the store lost its entry", async () => {
  let lost = 0;
  await using node = await testNode({ host: { entryLost: () => void lost++ } });
  const first = { containerId: "c1", pod: "a", netns: "/var/run/netns/a" };
  node.disk.files.set("/run/netns/a", "");
  assert.equal(await add(node, first), "10.0.0.1/24");
  await lose(node);
  assert.equal(await add(node, { containerId: "c2", pod: "b" }), "10.0.0.2/24");
  assert.equal(lost, 1);
  assert.deepEqual(Object.keys(await contents(node.driver)), ["10.0.0.0/24 10.0.0.2", "reserved 10.0.0.2"]);
  assert.equal(await add(node, first), "10.0.0.1/24", "its own ADD gets it");
});

Deno.test("add skips an address of its own restored entry that a sandbox of this node uses", async () => {
  await using node = await testNode();
  const { signal } = new AbortController();
  await add(node, { containerId: "c1", pod: "b" });
  const [old] = await node.driver.list(signal);
  assert(old);
  await node.call("DEL", CONF, { containerId: "c1", pod: "b" });
  node.disk.files.set("/run/netns/a", "");
  assert.equal(await add(node, { containerId: "c2", pod: "a", netns: "/run/netns/a" }), "10.0.0.1/24");
  await lose(node);
  const changes = [...old.allocations.values()].map((after) => ({ address: after.address, after }));
  await node.driver.commit(await node.driver.read(old.key, signal), changes, signal);
  assert.equal(await add(node, { containerId: "c3", pod: "b" }), "10.0.0.2/24");
});

Deno.test("add allocates the address of a former sandbox to the pod's new one, although the former still exists", async () => {
  await using node = await testNode();
  node.disk.files.set("/run/netns/a", "");
  assert.equal(await add(node, { containerId: "c1", pod: "a", netns: "/run/netns/a" }), "10.0.0.1/24");
  assert.equal(await add(node, { containerId: "c2", pod: "a" }), "10.0.0.1/24");
});

Deno.test("add allocates an address whose sandbox is deleted, was released, or is in another domain", async () => {
  await using node = await testNode();
  assert.equal(await add(node, { containerId: "c1", pod: "a", netns: "/run/netns/a" }), "10.0.0.1/24");
  await lose(node);
  assert.equal(await add(node, { containerId: "c2", pod: "b", netns: "/run/netns/b" }), "10.0.0.1/24", "no namespace");
  node.disk.files.set("/run/netns/b", "");
  assert.equal(await add(node, { containerId: "c3", pod: "c" }, { ...IPAM, network_name: "blue" }), "10.0.0.1/24");
  await node.call("DEL", CONF, { containerId: "c2", pod: "b" });
  assert.equal(await add(node, { containerId: "c4", pod: "d" }), "10.0.0.1/24");
});

Deno.test("add refuses a requested address that a sandbox of this node uses", async () => {
  await using node = await testNode();
  node.disk.files.set("/run/netns/a", "");
  await add(node, { containerId: "c1", pod: "a", netns: "/run/netns/a" });
  await lose(node);
  const conf = { ...CONF, args: { cni: { ips: ["10.0.0.1/24"] } } };
  const { stdout } = await node.call("ADD", conf, { containerId: "c2", pod: "b" });
  assert.equal(JSON.parse(stdout).code, 101);
  assert.deepEqual(await contents(node.driver), {});
});

Deno.test("add records what it could not release, so that DEL finds a reservation without an entry", async () => {
  let isAway = false;
  await using node = await testNode({
    open: (driver) =>
      faulty(driver, ({ method }) => {
        if (method !== "reservation.release" || !isAway) return undefined;
        return { done: false, then: "refused" };
      }),
  });
  const ipam = { ...IPAM, ipRanges: [{ range: "10.1.0.0/30", range_start: "10.1.0.1", range_end: "10.1.0.1" }] };
  await add(node, { containerId: "c1", pod: "a" }, ipam);
  isAway = true;
  const { stdout } = await node.call("ADD", { ...CONF, ipam }, { containerId: "c2", pod: "b" });
  assert.equal(JSON.parse(stdout).code, 100);
  assert.equal((await contents(node.driver))["reserved 10.0.0.2"], "default/b/net1/c2");
  isAway = false;
  await node.call("DEL", { ...CONF, ipam }, { containerId: "c2", pod: "b" });
  assert.equal((await contents(node.driver))["reserved 10.0.0.2"], undefined);
});
