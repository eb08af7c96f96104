import assert from "node:assert/strict";
import { CHART, type Cluster, openCluster } from "./cluster.ts";
import { allocations, consistent, deletePods, network, pod, readyPods } from "./objects.ts";

const DATA = "/var/lib/cni/whereabouts";
const NODES = [1, 2];

/** Everything that bears our name and is no folder, where a node keeps what is installed on it. */
async function filesOn(cluster: Cluster, node: number): Promise<readonly string[]> {
  const places = ["/opt", "/etc/cni", "/run", "/var/lib/cni"];
  const found = await cluster.onNode(node, "find", ...places, "-xdev", "-path", "*whereabouts*", "!", "-type", "d");
  assert.equal(found.code, 0, found.stderr);
  return found.stdout.split("\n").filter((path) => path !== "");
}

/** Every object of every kind that bears our name. Events go by themselves. */
async function objects(cluster: Cluster): Promise<readonly string[]> {
  const kinds = (await cluster.kubectl("api-resources", "--verbs=list", "-o", "name")).trim().split("\n");
  const asked = kinds.filter((kind) => !kind.startsWith("events"));
  const names = await cluster.kubectl("get", asked.join(","), "--all-namespaces", "-o", "name", "--ignore-not-found");
  return names.split("\n").filter((name) => name.includes("whereabouts"));
}

/** Objects that hold addresses, or say what such an object is; an APIService comes and goes with the latter. */
function isData(name: string): boolean {
  return /^(ippool|overlappingrangeipreservation|nodeslicepool|customresourcedefinition|apiservice)\./.test(name);
}

Deno.test("uninstalling leaves the addresses, says where they are, and leaves nothing else; installing again finds them", async () => {
  const cluster = await openCluster();
  const net = "uninstall";
  const pool = "192.168.112.0-24";
  await cluster.apply(network(net, { range: "192.168.112.0/24" }), pod(`${net}-a`, net, "node1"));
  assert.deepEqual([...(await readyPods(cluster, net)).values()], [["192.168.112.1"]]);
  for (const node of NODES) assert.ok((await filesOn(cluster, node)).includes("/opt/cni/bin/whereabouts"));
  assert.ok((await objects(cluster)).some((name) => !isData(name)));

  const { installedBy, release } = cluster;
  if (installedBy === "chart") {
    const values = ["--reset-then-reuse-values", "--set", "uninstall=true"];
    await cluster.helm("upgrade", "whereabouts", `${release}/${CHART}`, ...values);
  } else {
    const patch = ["--type", "json", "--patch-file", `${release}/uninstall-patch.yaml`];
    await cluster.kubectl("patch", "-n", "kube-system", "daemonset", "whereabouts", ...patch);
  }
  await cluster.kubectl("rollout", "status", "-n", "kube-system", "--timeout=120s", "daemonset/whereabouts");
  const ours = ["-n", "kube-system", "-l", "name=whereabouts"];
  const log = await cluster.kubectl("logs", ...ours, "-c", "uninstall", "--tail=-1");
  assert.equal(log.split(`Kept addresses in the store, and the journal of this node in ${DATA}`).length, 3);
  if (installedBy === "chart") await cluster.helm("uninstall", "whereabouts");
  else await cluster.kubectl("delete", "-f", `${release}/uninstall.yaml`, "--timeout=120s");
  const pods = ["-n", "kube-system", "-l", "app in (whereabouts, whereabouts-controller)"];
  await cluster.kubectl("wait", "--for=delete", "--timeout=90s", "pod", ...pods);

  for (const node of NODES) {
    assert.deepEqual((await filesOn(cluster, node)).filter((path) => !path.startsWith(`${DATA}/`)), []);
  }
  assert.ok((await filesOn(cluster, 1)).length > 0, "the journal is gone");
  assert.deepEqual((await objects(cluster)).filter((name) => !isData(name)), []);
  const entries = Object.values(await allocations(cluster, pool));
  assert.deepEqual(entries.map(({ podref }) => podref), [`default/${net}-a`]);

  await cluster.install();
  await deletePods(cluster, net, pool);
  await consistent(cluster);
});
