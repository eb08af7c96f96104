import assert from "node:assert/strict";
import { contents } from "../../ipam/lab.ts";
import { type TestNode, testNode } from "../node.ts";

const IPAM = { type: "whereabouts", datastore: "embedded", log_level: "panic", range: "10.0.0.0/24" };
const CONF = { cniVersion: "1.1.0", name: "net", ipam: IPAM };
const DONE = { stdout: "", exitCode: 0 };
const KEY = "cni.dev/valid-attachments";
const DRAFT_KEY = "cni.dev/attachments";

async function pods(node: TestNode): Promise<string[]> {
  return Object.entries(await contents(node.driver)).filter(([entry]) => !entry.startsWith("reserved"))
    .map(([, owner]) => owner.split("/")[1] ?? "").sort();
}

Deno.test("gc reads null as an empty list: CNI's library encodes a nil slice as null", async () => {
  for (const list of [{ [KEY]: null }, { [DRAFT_KEY]: null }, { [KEY]: null, [DRAFT_KEY]: null }]) {
    await using node = await testNode();
    await node.call("ADD", CONF);
    assert.deepEqual(await node.call("GC", { ...CONF, ...list }), DONE);
    assert.deepEqual(await contents(node.driver), {});
  }
});

Deno.test("gc prefers the key that has a list to one that is null, and refuses a missing or invalid list", async () => {
  await using node = await testNode();
  await node.call("ADD", CONF);
  const list = [{ containerID: "c0", ifname: "net1" }];
  for (const both of [{ [KEY]: null, [DRAFT_KEY]: list }, { [KEY]: list, [DRAFT_KEY]: null }]) {
    assert.deepEqual(await node.call("GC", { ...CONF, ...both }), DONE);
    assert.deepEqual(await pods(node), ["web-0"]);
  }
  for (const invalid of [{}, { [KEY]: {} }, { [KEY]: "none" }]) {
    assert.equal(JSON.parse((await node.call("GC", { ...CONF, ...invalid })).stdout).code, 7);
  }
  assert.deepEqual(await pods(node), ["web-0"]);
});

Deno.test("gc keeps the attachments of another network of the same name, unless their sandbox is deleted", async () => {
  await using node = await testNode();
  const other = { ...CONF, ipam: { ...IPAM, range: "10.1.0.0/24" } };
  await node.call("ADD", CONF, { containerId: "c1", pod: "listed" });
  await node.call("ADD", other, { containerId: "c2", pod: "running", netns: "/run/netns/running" });
  await node.call("ADD", other, { containerId: "c3", pod: "deleted", netns: "/run/netns/deleted" });
  node.disk.files.set("/run/netns/running", "");
  assert.deepEqual(await node.call("GC", { ...CONF, [KEY]: [{ containerID: "c1", ifname: "net1" }] }), DONE);
  assert.deepEqual(await pods(node), ["listed", "running"]);
  assert.deepEqual(await node.call("GC", { ...other, [KEY]: [] }), DONE);
  assert.deepEqual(await pods(node), []);
});

Deno.test("gc keeps an attachment of a listed container with another interface, unless its sandbox is deleted", async () => {
  await using node = await testNode();
  const netns = "/run/netns/running";
  await node.call("ADD", CONF, { containerId: "c1", netns });
  node.disk.files.set(netns, "");
  const list = { [KEY]: [{ containerID: "c1", ifname: "eth0" }] };
  assert.deepEqual(await node.call("GC", { ...CONF, ...list }), DONE);
  assert.deepEqual(await pods(node), ["web-0"]);
  node.disk.files.delete(netns);
  assert.deepEqual(await node.call("GC", { ...CONF, ...list }), DONE);
  assert.deepEqual(await pods(node), []);
});
