import assert from "node:assert/strict";
import { makeCall } from "../../src/call/call.ts";
import type { Host } from "../../src/cni/host.ts";
import { runPlugin } from "../../src/cni/plugin.ts";
import { directIpam } from "../../src/ipam/ipam.ts";
import { DEFAULT_JOURNAL, folderJournal, type Journal } from "../../src/journal/journal.ts";
import { SILENT } from "../../src/world/log.ts";
import { memory } from "../ipam/lab.ts";
import { type Fault, faulty, type Method } from "../support/faulty.ts";
import { hurriedClock } from "../support/hurried_clock.ts";
import { memoryWorld } from "../support/world.ts";
import { contents } from "../ipam/lab.ts";
import { testNode } from "./node.ts";

/** Serves an ADD while a method of the store fails. Returns its code, and how many releases are pending and how many attachments recorded. */
async function failedAdd(method: Method, fault: Fault): Promise<{ code: number; pending: number; inUse: number }> {
  await using store = await memory();
  const driver = faulty(store, (operation) => operation.method === method ? fault : undefined);
  const conf = JSON.stringify({
    cniVersion: "1.1.0",
    name: "net",
    ipam: { type: "whereabouts", datastore: "embedded", range: "10.0.0.0/29", log_level: "error" },
  });
  const env: Record<string, string> = {
    CNI_COMMAND: "ADD",
    CNI_CONTAINERID: "c0",
    CNI_IFNAME: "net1",
    CNI_NETNS: "/run/netns/x",
    CNI_PATH: "/opt/cni/bin",
  };
  const world = { ...memoryWorld(), ...hurriedClock() };
  const journal: Journal = folderJournal("/journal", world, SILENT);
  const host: Host = {
    world,
    lock: world.lock,
    appendLog: world.appendTextFile,
    open: () =>
      Promise.resolve({ ...directIpam(driver, world, SILENT), [Symbol.asyncDispose]: () => Promise.resolve() }),
    journal: () => journal,
    retriesPending: true,
  };
  const { stdout } = await runPlugin(makeCall(env, conf), host);
  const [pending, inUse] = [await journal.pending(), await journal.inUse()];
  return { code: JSON.parse(stdout).code, pending: pending.length, inUse: inUse.length };
}

Deno.test("an ADD that fails before it writes leaves no pending release: there is nothing to release", async () => {
  const refused = await failedAdd("read", { done: false, then: "unavailable" });
  assert.deepEqual(refused, { code: 11, pending: 0, inUse: 0 });
});

for (const method of ["commit", "reservation.reserve"] as const) {
  Deno.test(`an ADD whose ${method} gets no answer leaves a pending release: the store may contain the entry`, async () => {
    const lost = await failedAdd(method, { done: false, then: "unavailable" });
    assert.deepEqual(lost, { code: 11, pending: 1, inUse: 0 });
  });
}

Deno.test("a call completes a pending release of another network, using the ranges of that network", async () => {
  await using node = await testNode();
  const confOf = (name: string, range: string) => ({
    cniVersion: "1.0.0",
    name,
    ipam: { type: "whereabouts", datastore: "embedded", range, log_level: "error" },
  });
  await node.call("ADD", confOf("other", "10.1.0.0/29"), { containerId: "c9", pod: "deleted" });
  const journal = folderJournal(DEFAULT_JOURNAL, node.disk, SILENT);
  const record = await journal.find({ network: "other", containerId: "c9", ifName: "net1" });
  assert.ok(record);
  await journal.markPending({ ...record, entries: [] }); // as after an ADD without an answer from the store
  assert.equal((await node.call("ADD", confOf("net", "10.0.0.0/29"))).exitCode, 0);
  assert.deepEqual(Object.keys(await contents(node.driver)), ["10.0.0.0/29 10.0.0.1", "reserved 10.0.0.1"]);
  assert.equal(await journal.countPending(), 0);
});
