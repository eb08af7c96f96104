import assert from "node:assert/strict";
import { contents } from "../../ipam/lab.ts";
import { testNode } from "../node.ts";

const IPAM = { type: "whereabouts", datastore: "embedded", database: "/srv/w.db", log_level: "panic" };
const CONF = { cniVersion: "1.1.0", name: "net", ipam: { ...IPAM, range: "10.0.0.0/24" } };
const DONE = { stdout: "", exitCode: 0 };

for (
  const [verb, more, line] of [
    ["CHECK", {}, "Nothing is verified"],
    ["GC", { "cni.dev/valid-attachments": [] }, "Nothing is released"],
    ["DEL", {}, "Nothing is released"],
  ] as const
) {
  Deno.test(`${verb} succeeds and logs if the operator no longer allows the store that ADD used`, async () => {
    await using node = await testNode();
    node.disk.environment.set("WHEREABOUTS_ALLOW_PATHS", "/srv");
    const prevResult = JSON.parse((await node.call("ADD", CONF)).stdout);
    node.disk.environment.set("WHEREABOUTS_ALLOW_PATHS", "");
    const before = node.disk.lines.length;
    assert.deepEqual(await node.call(verb, { ...CONF, ...more, prevResult }), DONE);
    const lines = node.disk.lines.slice(before).filter((one) => one.includes(line));
    assert.equal(lines.length, 1, node.disk.lines.join("\n"));
    assert.match(lines[0] ?? "", /level=error .*no longer permits the store.* if=net1 network=net container=c0/);
    assert.match(JSON.stringify(await contents(node.driver)), /default\/web-0/, "the sweep frees it");
  });
}

Deno.test("CHECK succeeds without a record if the operator no longer allows the store of the network", async () => {
  await using node = await testNode();
  const prevResult = { cniVersion: "1.1.0", ips: [{ address: "10.0.0.1/24" }] };
  assert.deepEqual(await node.call("CHECK", { ...CONF, prevResult }), DONE);
});
