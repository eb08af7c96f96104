import assert from "node:assert/strict";
import { makeCall } from "../../src/call/call.ts";
import { runPlugin } from "../../src/cni/plugin.ts";
import { directIpam } from "../../src/ipam/ipam.ts";
import { folderJournal } from "../../src/journal/journal.ts";
import { SILENT } from "../../src/world/log.ts";
import { memory } from "../ipam/lab.ts";
import { faulty } from "../support/faulty.ts";
import { hurriedClock } from "../support/hurried_clock.ts";
import { memoryWorld } from "../support/world.ts";
import { testNode } from "./node.ts";

const IPAM = { type: "whereabouts", datastore: "embedded", range: "10.0.0.0/30", ipRanges: [{ range: "fd00::/126" }] };
const ARGS = "K8S_POD_NAMESPACE=web;K8S_POD_NAME=api-0";

const OWN_DATABASE = "Pods use this node's own database";

/** The log lines of calls, without their time, and without the warning about the node's own database. */
async function linesOf(level: string, ...calls: readonly (readonly [verb: string, containerId: string])[]) {
  await using node = await testNode();
  const conf = { cniVersion: "1.0.0", name: "net", ipam: { ...IPAM, log_level: level, log_file: "/var/log/w.log" } };
  for (const [verb, containerId] of calls) {
    await node.call(verb, conf, { containerId, args: containerId === "c1" ? ARGS : `${ARGS}-${containerId}` });
  }
  const lines = node.disk.lines.map((line) => line.replace(/^\S+ /, ""));
  assert.equal(node.disk.files.get("/var/log/w.log"), node.disk.lines.map((line) => `${line}\n`).join(""));
  return lines.filter((line) => !line.includes(OWN_DATABASE));
}

const ENTRY = "ip=10.0.0.1,fd00::1 pod=web/api-0 if=net1 pool=10.0.0.0/30,fd00::/126 container=c1";

Deno.test("ADD and DEL log one line each, with addresses, pod, interface, pools, container and milliseconds", async () => {
  const lines = await linesOf("info", ["ADD", "c1"], ["ADD", "c1"], ["DEL", "c1"], ["DEL", "c1"]);
  assert.equal(lines.length, 4, lines.join("\n"));
  for (const line of lines.slice(0, 2)) {
    assert.match(line, new RegExp(`^level=info msg="Allocated address" ${ENTRY} ms=\\d+$`));
  }
  assert.match(lines[2] ?? "", new RegExp(`^level=info msg="Released address" ${ENTRY} ms=\\d+$`));
  assert.match(lines[3] ?? "", /^level=info msg="Nothing to release" if=net1 container=c1 ms=\d+$/);
});

Deno.test("ADD at level debug logs whether the addresses are new, the store and the number of writes", async () => {
  const lines = await linesOf("debug", ["ADD", "c1"], ["ADD", "c1"]);
  const details = lines.filter((line) => line.startsWith('level=debug msg="Allocation details"'));
  assert.deepEqual(details, [
    'level=debug msg="Allocation details" ip=10.0.0.1,fd00::1 allocation=new,new store=embedded writes=4',
    'level=debug msg="Allocation details" ip=10.0.0.1,fd00::1 allocation=kept,kept store=embedded writes=2',
  ]);
});

Deno.test("a failed ADD logs one line with its code and error, even at level error", async () => {
  const lines = await linesOf("error", ["ADD", "c1"], ["ADD", "c2"], ["ADD", "c3"]);
  assert.equal(lines.length, 1, lines.join("\n"));
  assert.match(
    lines[0] ?? "",
    new RegExp(
      String.raw`^level=error msg="ADD failed" code=100 error=".*10\.0\.0\.0/30.*" pool=10\.0\.0\.0/30,fd00::/126 ` +
        String.raw`pod=web/api-0-c3 if=net1 network=net container=c3 ms=\d+$`,
    ),
  );
});

/** The code and the log lines of a DEL during an outage of the store. */
async function linesOfOutage(retriesPending: boolean): Promise<{ code: number; lines: string[] }> {
  await using store = await memory();
  let isAway = false;
  const driver = faulty(store, () => isAway ? { done: false, then: "unavailable" } : undefined);
  const env = {
    CNI_CONTAINERID: "c1",
    CNI_IFNAME: "net1",
    CNI_NETNS: "/x",
    CNI_PATH: "/bin",
    CNI_ARGS: ARGS,
  };
  const conf = { cniVersion: "1.0.0", name: "net", ipam: { ...IPAM, log_level: "info" } };
  const world = { ...memoryWorld(), ...hurriedClock() };
  const journal = folderJournal("/journal", world, SILENT);
  const call = (verb: string) =>
    runPlugin(makeCall({ ...env, CNI_COMMAND: verb }, JSON.stringify(conf)), {
      world,
      open: (_, log) =>
        Promise.resolve({ ...directIpam(driver, world, log), [Symbol.asyncDispose]: () => Promise.resolve() }),
      journal: () => journal,
      lock: world.lock,
      appendLog: world.appendTextFile,
      retriesPending,
    });
  assert.equal((await call("ADD")).exitCode, 0);
  isAway = true;
  const { exitCode } = await call("DEL");
  const lines = world.lines.map((line) => line.replace(/^\S+ /, "")).filter((line) => !line.includes(OWN_DATABASE));
  return { code: exitCode, lines: lines.slice(1) };
}

Deno.test("a DEL during an outage of the store logs one line: that it failed, or that its release is pending", async () => {
  const fields = String
    .raw`ip=10\.0\.0\.1,fd00::1 pool=10\.0\.0\.0/30,fd00::/126 pod=web/api-0 if=net1 network=net container=c1 ms=\d+$`;
  const failed = await linesOfOutage(false);
  assert.deepEqual([failed.code, failed.lines.length], [1, 1], failed.lines.join("\n"));
  assert.match(failed.lines[0] ?? "", new RegExp(`^level=error msg="DEL failed" code=11 error=".*" ${fields}`));
  const pending = await linesOfOutage(true);
  assert.deepEqual([pending.code, pending.lines.length], [0, 1], pending.lines.join("\n"));
  assert.match(pending.lines[0] ?? "", new RegExp(`^level=warning msg="Release is pending; .*" error=".*" ${fields}`));
});

Deno.test("a DEL without a valid configuration and without a record logs one line", async () => {
  await using node = await testNode();
  const conf = { cniVersion: "1.0.0", name: "net", ipam: { ...IPAM, range: "10.0.0.300/24" } };
  await node.call("DEL", conf, { containerId: "c9" });
  assert.equal(node.disk.lines.length, 1);
  assert.match(
    node.disk.lines[0] ?? "",
    /level=error msg="Nothing to release: .*" if=net1 network=net container=c9 ms=\d+$/,
  );
});

Deno.test("an ADD with an invalid configuration logs its failure to standard error", async () => {
  await using node = await testNode();
  const conf = { cniVersion: "1.0.0", name: "net", ipam: { ...IPAM, range: "10.0.0.300/24" } };
  await node.call("ADD", conf, { containerId: "c1" });
  assert.equal(node.disk.lines.length, 1);
  assert.match(node.disk.lines[0] ?? "", /level=error msg="ADD failed" code=7 error=".*ipam\.range.*10\.0\.0\.300/);
});
