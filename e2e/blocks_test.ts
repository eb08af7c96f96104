import assert from "node:assert/strict";
import { openCluster } from "./cluster.ts";
import { eventually } from "../tests/support/process.ts";
import { consistent, network, replicas, reported } from "./objects.ts";

Deno.test("sixty pods over two nodes have sixty addresses of several blocks, all free again when they are gone", async () => {
  const cluster = await openCluster();
  const net = "grid";
  const ipam = { range: "192.168.64.0/20", network_name: net, block_size: "/28", enable_overlapping_ranges: false };
  const blocks = async () => {
    const { items } = await cluster.get("ippools", "-n", "kube-system");
    return items.filter(({ metadata: { name } }) => name.startsWith(`${net}-192.168.`) && name.endsWith("-28"));
  };
  const entries = async () => (await blocks()).flatMap(({ spec }) => Object.values(spec.allocations));
  await cluster.apply(network(net, ipam), replicas("ReplicaSet", net, net, 60));
  await cluster.kubectl("wait", "--for=jsonpath={.status.readyReplicas}=60", "--timeout=180s", `replicaset/${net}`);
  const found = [...(await reported(cluster, net)).values()].flat();
  assert.equal(new Set(found).size, 60);
  assert.equal((await entries()).length, 60);
  assert((await blocks()).length >= 4, "sixteen addresses fit in a block");
  await consistent(cluster);
  await cluster.kubectl("delete", "replicaset", net, "--cascade=foreground", "--timeout=180s");
  await eventually("addresses released", async () => (await entries()).length === 0, 60_000);
  await consistent(cluster);
});
