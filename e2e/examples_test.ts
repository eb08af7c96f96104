import assert from "node:assert/strict";
import { filesOf, type Manifest, manifestsOf, promisedBy } from "../tests/examples.ts";
import { openCluster } from "./cluster.ts";
import { consistent, deletePods, podTemplate, readyPods } from "./objects.ts";

const LABEL = "examples";

/** Examples that this cluster cannot run: a plugin, link type or store that its nodes lack. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "ipvlan.yaml": "needs a kernel with ipvlan",
  "vlan.yaml": "needs a kernel with VLANs",
  "sriov.yaml": "needs an SR-IOV card",
  "etcd.yaml": "needs an etcd for pools; etcd_store_test.ts has one",
  "plugin-list.yaml": "needs the plugin tuning, which the nodes lack",
  "configmap.yaml": "is no network; scaling and token tests use the ConfigMap of the manifests",
};

/** The first addresses of two nodes. */
const SLICES: Readonly<Record<string, RegExp>> = {
  "node-slices.yaml": /^10\.60\.64\.(1|64)$/,
  "elastic-slices.yaml": /^10\.60\.128\.(1|16)$/,
};

/** The pod of an example with the image of this cluster, which has no registry, and a process that ends on SIGTERM. */
function runnable(manifest: Manifest): unknown {
  if (manifest.kind !== "Pod") return manifest;
  const { spec } = podTemplate(LABEL);
  return { ...manifest, metadata: { ...manifest.metadata, labels: { app: LABEL } }, spec };
}

Deno.test("the pods of the examples in docs/examples get the addresses that their files promise", async () => {
  const cluster = await openCluster();
  const files = filesOf(".yaml").filter((file) => !(file in ELSEWHERE));
  assert(files.length >= 14, files.join());
  for (const file of Object.keys(ELSEWHERE)) assert(filesOf(".yaml").includes(file), file);
  const manifests = new Map(files.map((file) => [file, manifestsOf(file)]));
  const networks = [...manifests.values()].flat().filter(({ kind }) => kind !== "Pod");
  const pods = [...manifests.values()].flat().filter(({ kind }) => kind === "Pod");
  await cluster.apply(...networks);
  await cluster.apply(...pods.map(runnable));
  const found = await readyPods(cluster, LABEL, 180);
  assert.equal(found.size, pods.length);
  for (const [file, objects] of manifests) {
    const own = objects.filter(({ kind }) => kind === "Pod").flatMap(({ metadata }) => found.get(metadata.name) ?? []);
    const promised = promisedBy(file).map((address) => address.replace(/\/\d+$/, ""));
    const slices = SLICES[file]; // of the first or the second slice
    if (slices) assert.match(own.join(), slices);
    else for (const address of promised) assert(own.includes(address), `${file}: ${own} lacks ${address}`);
  }
  const shown = await cluster.kubectl(
    "exec",
    "-n",
    "kube-system",
    "deployment/whereabouts-controller",
    "--",
    "whereabouts",
    "show",
  );
  assert.match(shown, /10\.60\.2\.0\/24/);
  await consistent(cluster);
  await deletePods(cluster, LABEL, "10.60.1.0-24", "10.60.2.0-24");
  await cluster.kubectl("delete", "network-attachment-definitions", ...networks.map(({ metadata }) => metadata.name));
  await consistent(cluster);
});
