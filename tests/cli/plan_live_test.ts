import assert from "node:assert/strict";
import { blockAfter } from "../documents.ts";
import { put } from "../drivers/kubernetes/live.ts";
import { makeCluster, type TestCluster } from "./cluster.ts";
import { database, run } from "./lab.ts";

async function makeNetworks({ kube, define, objects }: TestCluster): Promise<void> {
  await define("web", { range: "10.60.0.0/28" });
  await define("fast", { ipRanges: [{ range: "10.61.0.0/22" }], node_slice_size: "/24" });
  await define("loose", { range: "10.62.0.0/28", enable_overlapping_ranges: false });
  for (const node of ["n1", "n2"]) await objects.node(node);
  const entry = (pod: string) => ({ id: pod, podref: `default/${pod}`, ifname: "net1" });
  await put(kube, "IPPool", "10.60.0.0-28", {
    range: "10.60.0.0/28",
    allocations: { "1": entry("web-0"), "12": entry("web-1") },
  });
  await put(kube, "IPPool", "10.62.0.0-28", { range: "10.62.0.0/28", allocations: { "1": entry("loose-0") } });
}

Deno.test("plan shows whether a network fits, and what a change would do, as the operations guide does", async (t) => {
  await using cluster = await makeCluster();
  const { kube, ask } = cluster;
  await makeNetworks(cluster);

  await t.step("the example", async () => {
    const { code, out } = await ask(..."plan web --pods 20 --range 10.60.0.0/29 --per-day 2.5".split(" "));
    assert.equal(code, 3);
    const shown = out.replaceAll(kube.namespace, "default").replace(/on \d{4}-\d\d-\d\d:/, "on DATE:");
    assert.equal(shown, blockAfter("docs/OPERATIONS.md", "output of plan, held by tests/cli/plan_live_test.ts"));
  });
  await t.step("without flags it is about the present pods", async () => {
    const { code, out } = await ask("plan", `${kube.namespace}/web`);
    assert.equal(code, 0);
    assert.match(out, /^10\.60\.0\.0\/28 +14 +2 +12 +2 +fits$/m);
    assert.match(out, /^No pod of it started in the last 7 days$/m);
    assert.doesNotMatch(out, /change/);
  });
  await t.step("slices are counted for nodes", async () => {
    const few = await ask("plan", "fast", "--pods", "40", "--nodes", "5");
    assert.equal(few.code, 3);
    assert.match(few.out, /^10\.61\.0\.0\/22 +\/24 +254 +8 +1 node without a slice$/m);
    const smaller = await ask("plan", "fast", "--pods", "40", "--nodes", "5", "--slice-size", "/25");
    assert.equal(smaller.code, 0, smaller.out);
    assert.match(smaller.out, /^The change affects no live address$/m);
    const json = JSON.parse((await ask("plan", "fast", "--json")).out);
    assert.deepEqual([json.nodes, json.ranges[0].slices.size, json.change], [2, "/24", null]);
  });
  await t.step("a network without reservations may allocate live addresses again", async () => {
    const { out } = await ask("plan", "loose", "--range", "10.62.0.0/24");
    assert.match(
      out,
      /^1 live address is in a pool that the changed network does not read.*enable_overlapping_ranges/m,
    );
    assert.match(out, /^10\.62\.0\.1 +default\/loose-0 +10\.62\.0\.0\/28$/m);
  });
  await t.step("nonsense is refused with the reason", async () => {
    for (
      const [args, exit, message] of [
        [["none"], 2, /NetworkAttachmentDefinition "none" not found/],
        [[], 2, /expected one name/],
        [["web", "--pods", "many"], 2, /Invalid --pods "many"/],
        [["web", "--range", "10.0.0.0/99"], 1, /The changed network \S+\/web is invalid: .*ipam\.range/],
        [["fast", "--slice-size", "/33"], 1, /Invalid node_slice_size "\/33"/],
      ] as const
    ) {
      const { code, out, err } = await ask("plan", ...args);
      assert.deepEqual([code, out], [exit, ""], err);
      assert.match(err, message);
    }
  });
});

Deno.test("plan of a store without a cluster takes the range of a pool", async () => {
  await using db = await database();
  const { code, out } = await run("plan", "10.0.0.0/28", "--pods", "14", "--database", db.path);
  assert.equal(code, 0, out);
  assert.match(out, /^10\.0\.0\.0\/28 +14 +2 +12 +14 +fits$/m);
  const large = await run("plan", "fd00::/124", "--range", "fd00::/64", "--json", "--database", db.path);
  assert.equal(JSON.parse(large.out).ranges[0].capacity, "18446744073709551614");
  const wrong = await run("plan", "10.9.0.0/28", "--database", db.path);
  assert.deepEqual([wrong.code, wrong.out], [2, ""]);
  assert.match(wrong.err, /Pool "10\.9\.0\.0\/28" not found/);
});
