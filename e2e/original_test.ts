import assert from "node:assert/strict";
import { VERSION } from "../src/version.ts";
import { eventually } from "../tests/support/process.ts";
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

/** A DaemonSet like the original's, which frees addresses too. Its image is missing here: its pods exist, and never run. */
function daemonSetOfOriginal(): unknown {
  const labels = { name: "whereabouts-original" };
  const container = {
    name: "whereabouts",
    image: "ghcr.io/k8snetworkplumbingwg/whereabouts:v0.9.4",
    imagePullPolicy: "Never",
    command: ["/bin/sh", "-c", "/install-cni.sh & /ip-control-loop"],
  };
  const spec = { hostNetwork: true, tolerations: [{ operator: "Exists" }], containers: [container] };
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { ...labels, namespace: "kube-system" },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  };
}

/** What the events of a pod say of its sandbox, once there is one. */
async function failureOf(cluster: Cluster, name: string): Promise<string> {
  const selector = `reason=FailedCreatePodSandBox,involvedObject.name=${name}`;
  return await eventually(`a failure of ${name}`, async () => {
    const { items: [event] } = await cluster.get("events", "--field-selector", selector);
    return event?.message;
  }, 60_000);
}

Deno.test("a network on the grid serves no pod while the original runs, and its plugin gets no address of the divided range", async () => {
  const cluster = await openCluster();
  const net = "original-grid";
  const range = `${net}-192.168.124.0-24`;
  const blocks = { network_name: net, block_size: "/28", enable_overlapping_ranges: false };
  await cluster.apply(...rightsOfOriginal(), network(net, { range: "192.168.124.0/24", ...blocks }));
  await cluster.apply(daemonSetOfOriginal());
  await eventually("the mark of the range", async () => {
    const { items } = await cluster.get("ippools", "-n", "kube-system");
    const annotations = items.find(({ metadata: { name } }) => name === range)?.metadata.annotations;
    return annotations?.["whereabouts.cni.cncf.io/keepers-refused-because"] !== undefined;
  }, 60_000);

  await cluster.apply(pod(`${net}-a`, net, "node2"));
  const refusal =
    `Pool ${net}/192.168.124.0/24 is divided into blocks, which plugins of the original do not know, and ` +
    "DaemonSet kube-system/whereabouts-original runs the original: they would allocate the same addresses; delete it " +
    "(docs/MIGRATION.md), or remove block_size";
  const message = await failureOf(cluster, `${net}-a`);
  assert.ok(message.includes(refusal), message);
  const { stdout } = await cluster.onNode(2, "/opt/cni/bin/whereabouts", "history", `default/${net}-a`);
  assert.ok(stdout.includes(`code 102: ${refusal}`), stdout);
  await cluster.kubectl("delete", "-n", "kube-system", "daemonset/whereabouts-original", "--timeout=60s");
  assert.deepEqual((await readyPods(cluster, net)).get(`${net}-a`), ["192.168.124.1"]);

  await useOriginal(cluster, 1);
  await cluster.apply(pod(`${net}-b`, net, "node1"));
  await failureOf(cluster, `${net}-b`);
  assert.deepEqual(await allocations(cluster, range), {});
  await upgrade(cluster);
  assert.deepEqual((await readyPods(cluster, net)).get(`${net}-b`), ["192.168.124.2"]);
  await deletePods(cluster, net, `${net}-192.168.124.0-28`);
  await cluster.kubectl("delete", "network-attachment-definition", net);
  await cluster.kubectl("delete", "clusterrole/whereabouts-cni", "clusterrolebinding/whereabouts");
  await cluster.kubectl("delete", "-n", "kube-system", "lease/whereabouts", "--ignore-not-found");
  await consistent(cluster);
});
