import assert from "node:assert/strict";
import { blockAfter } from "../documents.ts";
import { put } from "../drivers/kubernetes/live.ts";
import { makeCluster, type TestCluster } from "./cluster.ts";
import { database, run } from "./lab.ts";

const SLICES = [["n1", "10.50.0.0/24"], ["n9", "10.50.1.0/24"], ["", "10.50.2.0/24"]] as const;

async function makeSlices({ kube, objects, define }: TestCluster): Promise<void> {
  for (const node of ["n1", "n2"]) await objects.node(node);
  await define("fast", { range: "10.50.0.0/22", node_slice_size: "/24", exclude: ["10.50.0.0/30"] });
  const file = await Deno.makeTempFile({ suffix: ".json" });
  const allocations = SLICES.map(([nodeName, sliceRange]) => ({ nodeName, sliceRange }));
  await Deno.writeTextFile(
    file,
    JSON.stringify({
      apiVersion: "whereabouts.cni.cncf.io/v1alpha1",
      kind: "NodeSlicePool",
      metadata: { name: "fast" },
      spec: { range: "10.50.0.0/22", sliceSize: "/24" },
      status: { allocations },
    }),
  );
  await kube.kubectl("create", "-f", file);
  const entry = (pod: string) => ({ id: pod, podref: `default/${pod}`, ifname: "net1" });
  const pool = (name: string, range: string, allocations: Readonly<Record<string, unknown>>) =>
    put(kube, "IPPool", name, { range, allocations });
  await pool("n1-10.50.0.0-24", "10.50.0.0/24", { "5": entry("a") });
  await pool("n9-10.50.1.0-24", "10.50.1.0/24", { "1": entry("b"), "2": entry("c") });
  await pool("old-10.50.9.0-24", "10.50.9.0/24", { "1": entry("d") });
  const node = "whereabouts.cni.cncf.io/node=old";
  await kube.kubectl("annotate", "ippool", "old-10.50.9.0-24", "whereabouts.cni.cncf.io/network=", node);
}

Deno.test("slices shows slices against nodes, as the operations guide does", async (t) => {
  await using cluster = await makeCluster();
  const { kube, ask } = cluster;
  const none = await ask("slices");
  assert.deepEqual([none.code, none.out], [
    0,
    `No node slices in namespace ${kube.namespace} of the cluster of ${kube.kubeconfig}\n`,
  ]);
  await makeSlices(cluster);

  await t.step("the example", async () => {
    const { code, out, err } = await ask("slices");
    assert.deepEqual([code, err], [0, ""]);
    assert.equal(out, blockAfter("docs/OPERATIONS.md", "output of slices, held by tests/cli/slices_live_test.ts"));
  });
  await t.step("names of nodes and NodeSlicePools select", async () => {
    const one = await ask("slices", "n1");
    assert.match(one.out, /^fast +10\.50\.0\.0\/24 +n1 +1 +251 +assigned\n$/m);
    assert.doesNotMatch(one.out, /n9|n2|old/);
    assert.match((await ask("slices", "n2")).out, /^Nodes without a slice of fast: n2\n/);
    assert.match((await ask("slices", "fast")).out, /n9[^]*n2/);
    const wrong = await ask("slices", "n1", "nobody");
    assert.deepEqual([wrong.code, wrong.err], [
      1,
      'Node or NodeSlicePool "nobody" not found; run slices to list them',
    ]);
  });
  await t.step("JSON has numbers", async () => {
    const { pools: [pool], leftovers } = JSON.parse((await ask("slices", "--json")).out);
    assert.deepEqual([pool.name, pool.range, pool.size, pool.withoutSlice], ["fast", "10.50.0.0/22", "/24", ["n2"]]);
    const [first] = pool.slices;
    const { slice, node } = first;
    assert.deepEqual([slice, node, first.state, first.used, first.free], ["10.50.0.0/24", "n1", "assigned", 1, 251]);
    assert.equal(pool.slices[2].node, null);
    assert.deepEqual(leftovers.map(({ state }: { readonly state: string }) => state), ["leftover"]);
  });
  await t.step("a namespace without objects is named with the right one", async () => {
    const { code, err } = await ask("slices", "--namespace", "default");
    assert.equal(code, 1);
    assert(err.includes(`found pools in namespace ${kube.namespace}`), err);
  });
});

Deno.test("slices of a store without a cluster are refused with the remedy", async () => {
  await using db = await database();
  const { code, out, err } = await run("slices", "--database", db.path);
  assert.deepEqual([code, out], [1, ""]);
  assert.match(err, /Found no node slices: database .* keeps none; select a cluster with --kubeconfig/);
});
