import assert from "node:assert/strict";
import { parseCidr } from "../../src/address/cidr.ts";
import { Restorer } from "../../src/agent/restorer.ts";
import { directIpam } from "../../src/ipam/ipam.ts";
import { resize } from "../../src/ipam/resize.ts";
import { type Host, nodeJournal } from "../../src/cni/host.ts";
import { SILENT } from "../../src/world/log.ts";
import { contents } from "../ipam/lab.ts";
import { type TestNode, testNode } from "../cni/node.ts";
import { faulty, type Plan } from "../support/faulty.ts";

const IPAM = { type: "whereabouts", datastore: "embedded", log_level: "panic", range: "10.0.0.0/24" };
const CONF = { cniVersion: "1.1.0", name: "net", ipam: IPAM };
const MINUTE = 60_000;

/** A node with two running pods, and one whose sandbox is deleted. The store has lost the entries of the given pods. */
async function node(...lost: readonly string[]): Promise<TestNode> {
  const node = await testNode();
  for (const pod of ["a", "b", "gone"]) {
    await node.call("ADD", CONF, { containerId: `c-${pod}`, pod, netns: `/run/netns/${pod}` });
    if (pod !== "gone") node.disk.files.set(`/run/netns/${pod}`, "");
  }
  await lose(node, lost);
  return node;
}

async function lose({ driver }: TestNode, pods: readonly string[]): Promise<void> {
  const { signal } = new AbortController();
  const isLost = ({ podRef }: { readonly podRef: string }) => pods.some((pod) => podRef === `default/${pod}`);
  for (const pool of await driver.list(signal)) {
    const changes = [...pool.allocations.values()].filter(isLost).map((before) => ({
      address: before.address,
      before,
    }));
    await driver.commit(pool, changes, signal);
  }
  for (const one of await driver.reservations?.list(undefined, signal) ?? []) {
    if (isLost(one)) await driver.reservations?.release(one, signal);
  }
}

interface Running extends AsyncDisposable {
  readonly restorer: Restorer;
  readonly restored: () => number;
  readonly errors: readonly unknown[];
}

function restorerOn({ driver, disk }: TestNode, plan: Plan = () => undefined): Running {
  const errors: unknown[] = [];
  let restored = 0;
  const log = { ...SILENT, error: (message: string, fields?: unknown) => void errors.push([message, fields]) };
  const host: Host = {
    world: disk,
    open: () =>
      Promise.resolve({
        ...directIpam(faulty(driver, plan), disk, SILENT),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }),
    journal: (log) => nodeJournal(disk, log),
    lock: disk.lock,
    appendLog: disk.appendTextFile,
    retriesPending: true,
  };
  const restorer = new Restorer(host, log, { onRestored: (count) => void (restored += count) });
  return { restorer, errors, restored: () => restored, [Symbol.asyncDispose]: () => restorer[Symbol.asyncDispose]() };
}

async function pods(node: TestNode): Promise<string[]> {
  const stored = await contents(node.driver);
  return Object.entries(stored).map(([entry, owner]) => `${entry.split(" ")[0]} ${owner.split("/")[1]}`).sort();
}

const BOTH = ["10.0.0.0/24 a", "10.0.0.0/24 b", "reserved a", "reserved b"];

Deno.test("Restorer recreates lost entries of running pods soon after its start, and of no others", async () => {
  await using n = await node("a", "b", "gone");
  await using running = restorerOn(n);
  await n.disk.advance(MINUTE);
  assert.deepEqual(await pods(n), BOTH);
  assert.equal(running.restored(), 2);
});

Deno.test("Restorer reads each pool once per round, and none without a running sandbox", async () => {
  await using n = await node();
  const methods: string[] = [];
  await using _running = restorerOn(n, ({ method }) => void methods.push(method));
  await n.disk.advance(MINUTE);
  assert.deepEqual(methods.splice(0), ["read"]);
  for (const pod of ["a", "b"]) n.disk.files.delete(`/run/netns/${pod}`);
  await n.disk.advance(60 * MINUTE);
  assert.deepEqual(methods, []);
});

Deno.test("Restorer starts a round when woken, at least a minute after the last one, and otherwise within an hour", async () => {
  await using n = await node();
  await using running = restorerOn(n);
  await n.disk.advance(MINUTE / 2);
  await lose(n, ["a"]);
  running.restorer.wake();
  await n.disk.advance(2 * MINUTE);
  assert.equal(running.restored(), 1);
  await lose(n, ["b"]);
  await n.disk.advance(60 * MINUTE);
  assert.equal(running.restored(), 2);
});

Deno.test("Restorer reports an address that is allocated to another pod by now, and does not take it over", async () => {
  await using n = await node("a");
  await n.call("ADD", CONF, { containerId: "c-other", pod: "other" }); // skips 10.0.0.1, which a pod of this node uses
  const { signal } = new AbortController();
  const [pool] = await n.driver.list(signal);
  assert(pool);
  const address = pool.key.cidr.base + 1n;
  const after = { address, podRef: "default/thief", ifName: "net1", containerId: "c-thief" };
  await n.driver.commit(pool, [{ address, after }], signal);
  await using running = restorerOn(n);
  await n.disk.advance(MINUTE);
  assert.deepEqual([running.restorer.duplicates, running.restored()], [1, 0]);
  assert.match(JSON.stringify(running.errors), /allocated to another pod too.*10\.0\.0\.1.*default\/a.*default\/thief/);
  assert.equal((await n.driver.read(pool.key, signal)).allocations.get(address)?.podRef, "default/thief");
});

Deno.test("Restorer recreates no entry of an attachment that a concurrent DEL releases", async () => {
  await using n = await node("a", "b");
  await using running = restorerOn(n, async ({ method, index }) => {
    if (method === "read" && index === 0) await n.call("DEL", CONF, { containerId: "c-a", pod: "a" });
    return undefined;
  });
  await n.disk.advance(MINUTE);
  assert.equal(running.restored(), 1);
  assert(!(await pods(n)).some((one) => one.endsWith(" a")));
});

Deno.test("Restorer continues after an outage of the store", async () => {
  await using n = await node("a");
  let isDown = true;
  await using running = restorerOn(n, () => isDown ? { done: false, then: "refused" } : undefined);
  await n.disk.advance(MINUTE);
  assert.deepEqual([running.restored(), running.errors.length], [0, 1]);
  isDown = false;
  await n.disk.advance(60 * MINUTE);
  assert.equal(running.restored(), 1);
});

Deno.test("Restorer recreates the entries of a range that was resized in the pool to which they have moved", async () => {
  await using n = await node();
  const [pool] = await n.driver.list(new AbortController().signal);
  assert(pool);
  const wider = parseCidr("10.0.0.0/22")?.cidr;
  assert(wider);
  const options = { dryRun: false, signal: new AbortController().signal };
  await resize(directIpam(n.driver, n.disk, SILENT), pool.key, { ...pool.key, cidr: wider }, options);
  await using running = restorerOn(n);
  await n.disk.advance(MINUTE);
  assert.deepEqual([running.restored(), running.restorer.duplicates], [0, 0], "nothing is lost");
  await lose(n, ["a", "gone"]);
  running.restorer.wake();
  await n.disk.advance(60 * MINUTE);
  assert.deepEqual(await pods(n), ["10.0.0.0/22 a", "10.0.0.0/22 b", "reserved a", "reserved b"]);
  assert.equal(running.restored(), 1);
});
