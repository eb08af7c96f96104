import assert from "node:assert/strict";
import { Restorer } from "../../src/agent/restorer.ts";
import { directIpam } from "../../src/ipam/ipam.ts";
import { type Host, nodeJournal } from "../../src/cni/host.ts";
import { SILENT } from "../../src/world/log.ts";
import { contents } from "../ipam/lab.ts";
import { type TestNode, testNode } from "../cni/node.ts";
import { faulty, type Plan } from "../support/faulty.ts";

const IPAM = { type: "whereabouts", datastore: "embedded", log_level: "panic", range: "10.0.0.0/24" };
const CONF = { cniVersion: "1.1.0", name: "net", ipam: IPAM };
const MINUTE = 60_000;

/** A node with two pods that live and one whose sandbox is gone; the store lost what the test says. */
async function node(...podsOfLost: readonly string[]): Promise<TestNode> {
  const node = await testNode();
  for (const pod of ["a", "b", "gone"]) {
    await node.call("ADD", CONF, { containerId: `c-${pod}`, pod, netns: `/run/netns/${pod}` });
    if (pod !== "gone") node.disk.files.set(`/run/netns/${pod}`, "");
  }
  await lose(node, podsOfLost);
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
    delivers: true,
  };
  const restorer = new Restorer(host, log, { onRestored: (count) => void (restored += count) });
  return { restorer, errors, restored: () => restored, [Symbol.asyncDispose]: () => restorer[Symbol.asyncDispose]() };
}

async function pods(node: TestNode): Promise<string[]> {
  const stored = await contents(node.driver);
  return Object.entries(stored).map(([what, who]) => `${what.split(" ")[0]} ${who.split("/")[1]}`).sort();
}

const BOTH = ["10.0.0.0/24 a", "10.0.0.0/24 b", "reserved a", "reserved b"];

Deno.test("Restorer recreates soon after its start what the store lost of pods that live, and of no others", async () => {
  await using n = await node("a", "b", "gone");
  await using running = restorerOn(n);
  await n.disk.advance(MINUTE);
  assert.deepEqual(await pods(n), BOTH);
  assert.equal(running.restored(), 2);
});

Deno.test("Restorer reads each pool once a round, and nothing where no sandbox lives", async () => {
  await using n = await node();
  const asked: string[] = [];
  await using _running = restorerOn(n, ({ method }) => void asked.push(method));
  await n.disk.advance(MINUTE);
  assert.deepEqual(asked.splice(0), ["read"]);
  for (const pod of ["a", "b"]) n.disk.files.delete(`/run/netns/${pod}`);
  await n.disk.advance(60 * MINUTE);
  assert.deepEqual(asked, []);
});

Deno.test("Restorer looks again when it is woken, a minute after the last time at the earliest, and else within an hour", async () => {
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

Deno.test("Restorer leaves an address that is another pod's by now, and says so", async () => {
  await using n = await node("a");
  await n.call("ADD", CONF, { containerId: "c-other", pod: "other" }); // passes over 10.0.0.1, which a pod of this node uses
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

Deno.test("Restorer recreates nothing of an attachment that a DEL releases meanwhile", async () => {
  await using n = await node("a", "b");
  await using running = restorerOn(n, async ({ method, index }) => {
    if (method === "read" && index === 0) await n.call("DEL", CONF, { containerId: "c-a", pod: "a" });
    return undefined;
  });
  await n.disk.advance(MINUTE);
  assert.equal(running.restored(), 1);
  assert(!(await pods(n)).some((one) => one.endsWith(" a")));
});

Deno.test("Restorer goes on after a store that is away", async () => {
  await using n = await node("a");
  let away = true;
  await using running = restorerOn(n, () => away ? { done: false, then: "refused" } : undefined);
  await n.disk.advance(MINUTE);
  assert.deepEqual([running.restored(), running.errors.length], [0, 1]);
  away = false;
  await n.disk.advance(60 * MINUTE);
  assert.equal(running.restored(), 1);
});
