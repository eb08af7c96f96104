import assert from "node:assert/strict";
import { openCluster } from "./cluster.ts";
import { allocations, consistent, emptied, network, replicas, reported } from "./objects.ts";

/** Pools of 30 and 14 addresses. */
const FIRST = "192.168.121.0-27";
const SECOND = "192.168.122.0-28";
const PODS = 40;

Deno.test("forty pods of a network with first_available fill its first range, and get one address each", async () => {
  const cluster = await openCluster();
  const net = "first";
  const ipam = {
    range: "192.168.121.0/27",
    ipRanges: [{ range: "192.168.122.0/28" }],
    ipRangesAllocation: "first_available",
  };
  await cluster.apply(network(net, ipam), replicas("ReplicaSet", net, net, PODS));
  const ready = `--for=jsonpath={.status.readyReplicas}=${PODS}`;
  await cluster.kubectl("wait", ready, "--timeout=180s", `replicaset/${net}`);
  const found = await reported(cluster, net);
  assert.deepEqual([...found.values()].filter((ips) => ips.length !== 1), []);
  assert.equal(new Set([...found.values()].flat()).size, PODS);
  const inUse = async (pool: string) => Object.keys(await allocations(cluster, pool)).length;
  assert.deepEqual([await inUse(FIRST), await inUse(SECOND)], [30, PODS - 30]);
  await consistent(cluster);
  await cluster.kubectl("delete", "replicaset", net, "--cascade=foreground", "--timeout=180s");
  for (const pool of [FIRST, SECOND]) await emptied(cluster, pool);
  await consistent(cluster);
});
