import assert from "node:assert/strict";
import { openCluster } from "./cluster.ts";
import { eventually } from "../tests/support/process.ts";
import { allocations, consistent, network, replicas, reported } from "./objects.ts";

Deno.test("sixty pods over two nodes have sixty addresses, all free again when they are gone", async () => {
  const cluster = await openCluster();
  const net = "many";
  await cluster.apply(network(net, { range: "192.168.60.0/24" }), replicas("ReplicaSet", net, net, 60));
  await cluster.kubectl("wait", "--for=jsonpath={.status.readyReplicas}=60", "--timeout=180s", `replicaset/${net}`);
  const found = [...(await reported(cluster, net)).values()].flat();
  assert.equal(new Set(found).size, 60);
  assert.equal(Object.keys(await allocations(cluster, "192.168.60.0-24")).length, 60);
  await cluster.kubectl("delete", "replicaset", net, "--cascade=foreground", "--timeout=180s");
  await eventually(
    "addresses released",
    async () => Object.keys(await allocations(cluster, "192.168.60.0-24")).length === 0,
    60_000,
  );
  const left = await cluster.get("overlappingrangeipreservations", "-n", "kube-system");
  assert.deepEqual(left.items.filter(({ spec }) => spec.podref.includes(`/${net}-`)), []);
  await consistent(cluster);
});
