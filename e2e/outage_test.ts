import assert from "node:assert/strict";
import { eventually } from "../tests/support/process.ts";
import { openCluster } from "./cluster.ts";
import { consistent, emptied, network, replicas, reported, reservationsOf } from "./objects.ts";

const COUNT = 12;

Deno.test("API server and etcd that stop while pods come and go cost no address and leave none behind", async () => {
  const cluster = await openCluster();
  const net = "outage";
  const set = `replicaset/${net}`;
  const controllers = (count: number) =>
    cluster.kubectl("scale", "-n", "kube-system", "deployment/whereabouts-controller", `--replicas=${count}`);
  await using after = new AsyncDisposableStack();
  after.defer(async () => {
    await controllers(2);
    await cluster.kubectl(
      "rollout",
      "status",
      "-n",
      "kube-system",
      "--timeout=90s",
      "deployment/whereabouts-controller",
    );
  });
  await controllers(0); // the nodes keep their promises by themselves
  await cluster.apply(network(net, { range: "192.168.105.0/24" }), replicas("ReplicaSet", net, net, COUNT));
  await eventually("pods on their way", async () => (await reported(cluster, net)).size > 2, 60_000);
  await cluster.stopControlPlane();
  await cluster.resumeControlPlane();
  await cluster.kubectl("wait", `--for=jsonpath={.status.readyReplicas}=${COUNT}`, "--timeout=180s", set);
  const found = [...(await reported(cluster, net)).values()].flat();
  assert.equal(new Set(found).size, COUNT);
  await cluster.kubectl("delete", set, "--cascade=foreground", "--wait=false");
  await eventually("pods on their way out", async () => (await reported(cluster, net)).size < COUNT, 60_000);
  await cluster.stopControlPlane();
  await cluster.resumeControlPlane();
  await cluster.kubectl("wait", "--for=delete", "--timeout=180s", "pod", "-l", `app=${net}`);
  await cluster.kubectl("wait", "--for=delete", "--timeout=60s", set);
  await emptied(cluster, "192.168.105.0-24");
  assert.deepEqual(await reservationsOf(cluster, net), []);
  await consistent(cluster);
});
