import assert from "node:assert/strict";
import { makeCluster } from "./cluster.ts";

Deno.test("lint checks the definitions of a cluster against its nodes, pod networks and Services", async () => {
  await using cluster = await makeCluster();
  const { objects, ask, define } = cluster;
  await objects.node("n1", { podCIDR: "10.244.0.0/24", podCIDRs: ["10.244.0.0/24"] });
  await objects.node("n2");
  await define("fine", { range: "10.70.0.0/24" });
  await define("pods", { range: "10.244.0.128/25" });
  await define("sliced", { range: "10.71.0.0/24", node_slice_size: "/24" });
  const { code, out, err } = await ask("lint", "--cluster", "--json");
  assert.equal(code, 4, err);
  const { networks, findings } = JSON.parse(out);
  assert.equal(networks, 3);
  assert.deepEqual(findings.map(({ level, rule, name }: Record<string, string>) => [level, rule, name]).sort(), [
    ["error", "slices", "sliced"],
    ["warning", "cluster-addresses", "pods"],
  ]);
  assert.match(out, /10\.244\.0\.128\/25 overlaps the pod network of node n1 10\.244\.0\.0\/24/);
  assert.match(out, /10\.71\.0\.0\/24 has 1 slice of \/24 for 2 nodes/);
});
