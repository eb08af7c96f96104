import assert from "node:assert/strict";
import { contents } from "../../ipam/lab.ts";
import { type TestNode, testNode } from "../node.ts";

const IPAM = { type: "whereabouts", datastore: "embedded", log_level: "panic", range: "10.0.0.0/24" };
const CONF = { cniVersion: "1.1.0", name: "net", ipam: IPAM };
const DONE = { stdout: "", exitCode: 0 };
const KEY = "cni.dev/valid-attachments";
const DRAFT_KEY = "cni.dev/attachments";

async function pods(node: TestNode): Promise<string[]> {
  return Object.entries(await contents(node.driver)).filter(([what]) => !what.startsWith("reserved"))
    .map(([, who]) => who.split("/")[1] ?? "").sort();
}

Deno.test("gc takes null for an empty list where the key is written, as CNI's library writes a nil slice", async () => {
  for (const list of [{ [KEY]: null }, { [DRAFT_KEY]: null }, { [KEY]: null, [DRAFT_KEY]: null }]) {
    await using node = await testNode();
    await node.call("ADD", CONF);
    assert.deepEqual(await node.call("GC", { ...CONF, ...list }), DONE);
    assert.deepEqual(await contents(node.driver), {});
  }
});

Deno.test("gc goes by a list beside a null, and refuses to go by no list", async () => {
  await using node = await testNode();
  await node.call("ADD", CONF);
  const list = [{ containerID: "c0", ifname: "net1" }];
  for (const both of [{ [KEY]: null, [DRAFT_KEY]: list }, { [KEY]: list, [DRAFT_KEY]: null }]) {
    assert.deepEqual(await node.call("GC", { ...CONF, ...both }), DONE);
    assert.deepEqual(await pods(node), ["web-0"]);
  }
  for (const none of [{}, { [KEY]: {} }, { [KEY]: "none" }]) {
    assert.equal(JSON.parse((await node.call("GC", { ...CONF, ...none })).stdout).code, 7);
  }
  assert.deepEqual(await pods(node), ["web-0"]);
});

Deno.test("gc keeps the attachments of another network of the same name, unless their sandbox is gone", async () => {
  await using node = await testNode();
  const other = { ...CONF, ipam: { ...IPAM, range: "10.1.0.0/24" } };
  await node.call("ADD", CONF, { containerId: "c1", pod: "listed" });
  await node.call("ADD", other, { containerId: "c2", pod: "lives", netns: "/run/netns/lives" });
  await node.call("ADD", other, { containerId: "c3", pod: "gone", netns: "/run/netns/gone" });
  node.disk.files.set("/run/netns/lives", "");
  assert.deepEqual(await node.call("GC", { ...CONF, [KEY]: [{ containerID: "c1", ifname: "net1" }] }), DONE);
  assert.deepEqual(await pods(node), ["listed", "lives"]);
  assert.deepEqual(await node.call("GC", { ...other, [KEY]: [] }), DONE);
  assert.deepEqual(await pods(node), []);
});
