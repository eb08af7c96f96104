import assert from "node:assert/strict";
import { openCluster } from "./cluster.ts";
import { allocations, consistent, deletePods, emptied, network, pod, readyPods, reservationsOf } from "./objects.ts";

const RANGE = "192.168.101.0/24";

Deno.test("named networks are apart: one range, one address in each, and each released by itself", async () => {
  const cluster = await openCluster();
  await cluster.apply(
    network("named-red", { range: RANGE, network_name: "red" }),
    network("named-blue", { range: RANGE, network_name: "blue" }),
  );
  await cluster.apply(pod("named-red-0", "named-red", "node1"), pod("named-blue-0", "named-blue", "node2"));
  assert.deepEqual([...await readyPods(cluster, "named-red")], [["named-red-0", ["192.168.101.1"]]]);
  assert.deepEqual([...await readyPods(cluster, "named-blue")], [["named-blue-0", ["192.168.101.1"]]]);
  const both = ["blue-192.168.101.1", "red-192.168.101.1"];
  assert.deepEqual(await reservationsOf(cluster, "named"), both);
  await consistent(cluster);
  await deletePods(cluster, "named-red", "red-192.168.101.0-24");
  assert.deepEqual(await reservationsOf(cluster, "named"), ["blue-192.168.101.1"]);
  const blue = Object.values(await allocations(cluster, "blue-192.168.101.0-24"));
  assert.deepEqual(blue.map(({ podref }) => podref), ["default/named-blue-0"]);
  await deletePods(cluster, "named-blue");
  await emptied(cluster, "blue-192.168.101.0-24");
  await consistent(cluster);
});
