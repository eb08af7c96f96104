import assert from "node:assert/strict";
import { VERSION } from "../src/version.ts";
import { type Cluster, openCluster } from "./cluster.ts";
import { allocations, consistent, deletePods, emptied, network, pod, readyPods, reservationsOf } from "./objects.ts";
import { rightsOfOriginal, useOriginal } from "./original.ts";

const POOL = "192.168.106.0-24";

/** Restarts the pod of our DaemonSet on node1, which installs our plugin. */
async function upgrade(cluster: Cluster): Promise<void> {
  const ours = ["-n", "kube-system", "-l", "name=whereabouts"];
  await cluster.kubectl("delete", "pod", ...ours, "--field-selector=spec.nodeName=node1");
  await cluster.kubectl("rollout", "status", "-n", "kube-system", "--timeout=60s", "daemonset/whereabouts");
  const { stdout } = await cluster.onNode(1, "/opt/cni/bin/whereabouts", "version");
  assert.ok(stdout.startsWith(`${VERSION} (commit `), stdout);
}

Deno.test("what the Go original gave is used and released by ours, and what ours gave by the original", async () => {
  const cluster = await openCluster();
  const net = "original";
  const start = async (name: string, node: string) => {
    await cluster.apply(pod(`${net}-${name}`, net, node));
    return (await readyPods(cluster, net)).get(`${net}-${name}`);
  };
  const stop = (name: string) => cluster.kubectl("delete", "pod", `${net}-${name}`, "--timeout=60s");
  const keys = async () => Object.keys(await allocations(cluster, POOL)).sort();
  await cluster.apply(...rightsOfOriginal(), network(net, { range: "192.168.106.0/24" }));

  await useOriginal(cluster, 1);
  assert.deepEqual(await start("a", "node1"), ["192.168.106.1"]);
  assert.deepEqual(await start("b", "node1"), ["192.168.106.2"]);
  assert.deepEqual(await start("ours", "node2"), ["192.168.106.3"]);
  const { items } = await cluster.get("overlappingrangeipreservations", "-n", "kube-system");
  const written = items.find(({ metadata }) => metadata.name === "192.168.106.1");
  assert.deepEqual(written?.spec, { podref: "default/original-a", ifname: "net1" });

  await upgrade(cluster);
  assert.deepEqual(await start("c", "node1"), ["192.168.106.4"]);
  await stop("a");
  assert.deepEqual(await keys(), ["2", "3", "4"]);
  assert.deepEqual(await start("d", "node1"), ["192.168.106.1"]);
  await consistent(cluster);

  await useOriginal(cluster, 1);
  await stop("d");
  assert.deepEqual(await keys(), ["2", "3", "4"]);
  assert.deepEqual(await start("e", "node1"), ["192.168.106.1"]);
  await upgrade(cluster);

  await deletePods(cluster, net);
  await emptied(cluster, POOL);
  assert.deepEqual(await reservationsOf(cluster, net), []);
  await cluster.kubectl("delete", "clusterrole/whereabouts-cni", "clusterrolebinding/whereabouts");
  await cluster.kubectl("delete", "-n", "kube-system", "lease/whereabouts"); // the original's
  await consistent(cluster);
});
