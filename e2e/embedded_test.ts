import assert from "node:assert/strict";
import { openCluster } from "./cluster.ts";
import { eventually } from "../tests/support/process.ts";
import { consistent, deletePods, network, pod, readyPods } from "./objects.ts";

Deno.test("an embedded network needs no API server: the node keeps its addresses in a file", async () => {
  const cluster = await openCluster();
  const net = "embedded";
  await cluster.apply(network(net, { range: "192.168.102.0/24", datastore: "embedded" }));
  await cluster.apply(...["a", "b", "c"].map((one) => pod(`${net}-${one}`, net, "node1")));
  const found = [...(await readyPods(cluster, net)).values()].flat();
  assert.deepEqual(found.sort(), ["192.168.102.1", "192.168.102.2", "192.168.102.3"]);
  const pools = await cluster.kubectl("get", "ippools", "-n", "kube-system", "-o", "name");
  assert.doesNotMatch(pools, /192\.168\.102/);
  const database = `${cluster.state}/node1/var-lib/cni/whereabouts/whereabouts.db`;
  const pods = `${cluster.state}/embedded-pods`;
  const check = async (living: readonly string[]) => {
    await Deno.writeTextFile(pods, living.map((one) => `default/${net}-${one}\n`).join("") || "none\n");
    const { stdout } = await cluster.whereabouts("check", "--json", "--database", database, "--pods", pods);
    return JSON.parse(stdout);
  };
  const { allocations, findings } = await check(["a", "b", "c"]);
  assert.deepEqual({ allocations, findings }, { allocations: 3, findings: [] });
  await deletePods(cluster, net);
  await eventually("addresses released", async () => (await check([])).allocations === 0);
  assert.deepEqual((await check([])).findings, []);
  await consistent(cluster);
});
