import assert from "node:assert/strict";
import { openCluster } from "./cluster.ts";
import { eventually } from "../tests/support/process.ts";
import { agentsSettled, consistent, emptied, network, replicas, reported } from "./objects.ts";

Deno.test("agents that are killed while pods come and go cost no address and leave none behind", async () => {
  const cluster = await openCluster();
  const net = "killed";
  const killAgents = () =>
    cluster.kubectl("delete", "pod", "-n", "kube-system", "-l", "name=whereabouts", "--grace-period=0", "--force");
  await cluster.apply(network(net, { range: "192.168.90.0/24" }), replicas("ReplicaSet", net, net, 16));
  await eventually("pods on their way", async () => (await reported(cluster, net)).size > 2, 60_000);
  await killAgents();
  await cluster.kubectl("wait", "--for=jsonpath={.status.readyReplicas}=16", "--timeout=120s", `replicaset/${net}`);
  const found = [...(await reported(cluster, net)).values()].flat();
  assert.equal(new Set(found).size, 16);
  const deletion = cluster.kubectl("delete", "replicaset", net, "--cascade=foreground", "--timeout=120s");
  await Promise.all([deletion, killAgents()]);
  await emptied(cluster, "192.168.90.0-24");
  await agentsSettled(cluster);
  await consistent(cluster);
});
