import assert from "node:assert/strict";
import { openCluster } from "./cluster.ts";
import { eventually } from "../tests/support/process.ts";
import { allocations, consistent, network, replicas, reported } from "./objects.ts";

Deno.test("pods of a StatefulSet are back after a restart, each address with one owner", async () => {
  const cluster = await openCluster();
  const net = "stateful";
  await cluster.apply(network(net, { range: "192.168.80.0/29" }), replicas("StatefulSet", net, net, 3));
  const ready = () =>
    cluster.kubectl("wait", "--for=jsonpath={.status.readyReplicas}=3", "--timeout=90s", `statefulset/${net}`);
  await ready();
  const before = await reported(cluster, net);
  await cluster.kubectl("delete", "pod", `${net}-1`, "--grace-period=0", "--force");
  await eventually("the pod back", async () => (await reported(cluster, net)).size === 3, 90_000);
  await ready();
  const after = await reported(cluster, net);
  assert.deepEqual([...after].sort(), [...before].sort());
  const owners = Object.values(await allocations(cluster, "192.168.80.0-29")).map(({ podref }) => podref).sort();
  assert.deepEqual(owners, [0, 1, 2].map((i) => `default/${net}-${i}`));
  await cluster.kubectl("delete", "statefulset", net, "--cascade=foreground", "--timeout=60s");
  await eventually(
    "addresses released",
    async () => Object.keys(await allocations(cluster, "192.168.80.0-29")).length === 0,
  );
  await consistent(cluster);
});
