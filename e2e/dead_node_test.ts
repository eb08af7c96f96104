import assert from "node:assert/strict";
import { eventually } from "../tests/support/process.ts";
import { type Cluster, openCluster } from "./cluster.ts";
import {
  allocations,
  consistent,
  controllerFlags,
  deletePods,
  network,
  persistentRights,
  pod,
  podTemplate,
  readyPods,
  reported,
  sweep,
} from "./objects.ts";

const FORCED = ["--grace-period=0", "--force"];
const SYSTEM = ["-n", "kube-system"];
/** Half a minute between two looks, and as long until a standby takes a dead leader's lease, which begins with a sweep of its own. */
const SWEPT = 150_000;
/** Says that a node is shut down: Kubernetes' "Non-graceful node shutdown". */
const FENCE = "node.kubernetes.io/out-of-service";

/** Fences a node. Lifting it twice is success. */
async function fence(cluster: Cluster, node: string): Promise<{ lift(): Promise<void> } & AsyncDisposable> {
  await cluster.kubectl("taint", "node", node, `${FENCE}=nodeshutdown:NoExecute`);
  let lifted = false;
  const lift = async () => {
    if (!lifted) await cluster.kubectl("taint", "node", node, `${FENCE}-`);
    lifted = true;
  };
  return { lift, [Symbol.asyncDispose]: lift };
}

/** The owner of an address in a report of `check`, and what it says of it. */
async function orphans(cluster: Cluster): Promise<readonly string[]> {
  const { stdout } = await cluster.whereabouts("check", ...SYSTEM, "--json");
  const { findings } = JSON.parse(stdout);
  return findings.filter(({ kind }: { kind: string }) => kind === "orphan").map(({ podRef }: { podRef: string }) =>
    podRef
  );
}

/** Pods of a pool's entries. */
async function owners(cluster: Cluster, pool: string): Promise<readonly string[]> {
  const entries = Object.values(await allocations(cluster, pool));
  return entries.map(({ podref }) => podref.replace("default/", "")).sort();
}

/** The container of a pod's entry, and its address. */
async function entryOf(cluster: Cluster, pool: string, name: string) {
  const entries = Object.entries(await allocations(cluster, pool));
  const [offset, entry] = entries.find(([, { podref }]) => podref === `default/${name}`) ?? [];
  return { offset, id: entry?.id };
}

/** A StatefulSet of one pod that likes node2, and leaves a dead node at once. */
function wanderer(name: string): unknown {
  const hostname = { key: "kubernetes.io/hostname", operator: "In", values: ["node2"] };
  const preference = { weight: 100, preference: { matchExpressions: [hostname] } };
  return setOfOne(name, {
    affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [preference] } },
  });
}

/** A StatefulSet of one pod, named like its network, with more members of its pod's spec. */
function setOfOne(name: string, more: Record<string, unknown>): unknown {
  const template = podTemplate(name, more);
  const spec = { serviceName: name, replicas: 1, selector: { matchLabels: { app: name } }, template };
  return { apiVersion: "apps/v1", kind: "StatefulSet", metadata: { name, namespace: "default" }, spec };
}

Deno.test("pods of StatefulSets take their addresses along from a dead node; others there are freed once it is fenced", async () => {
  const cluster = await openCluster();
  await using _ = await persistentRights(cluster);
  const net = "dead";
  const sets = ["wander", "sticky"] as const;
  const [set, sticky] = sets;
  const pool = "192.168.110.0-24";
  const range = "192.168.110.0/24";
  const nodeSelector = (node: string) => ({ nodeSelector: { "kubernetes.io/hostname": node } });
  const networks = [
    network(net, { range }),
    network(set, { range }),
    network(sticky, { range, sticky: "statefulset" }),
  ];
  await cluster.apply(...networks, pod(`${net}-low`, net, "node1"));
  await readyPods(cluster, net);
  const died = pod(`${net}-there`, net, "node2");
  await cluster.apply(wanderer(set), setOfOne(sticky, nodeSelector("node2")), died, pod(`${net}-here`, net, "node1"));
  await readyPods(cluster, net);
  const ready = (one: string) =>
    cluster.kubectl("wait", "--for=jsonpath={.status.readyReplicas}=1", "--timeout=60s", `statefulset/${one}`);
  for (const one of sets) await ready(one);
  const addresses = () => Promise.all(sets.map((one) => reported(cluster, one)));
  const entries = () => Promise.all(sets.map((one) => entryOf(cluster, pool, `${one}-0`)));
  const [before, old] = [await addresses(), await entries()];
  const here = (await reported(cluster, net)).get(`${net}-here`);
  // a lower address becomes free: who is given a new one gets that
  await cluster.kubectl("delete", "pod", `${net}-low`, "--timeout=60s");

  await using node = await cluster.killNode(2);
  await cluster.kubectl("delete", "pod", `${set}-0`, `${sticky}-0`, `${net}-there`, ...FORCED);
  await cluster.kubectl("wait", "--for=condition=Ready", "--timeout=90s", `pod/${set}-0`);
  assert.deepEqual(await reported(cluster, set), before[0]);
  // nobody knows whether the node is dead or cut off, where its pods would still run
  assert((await orphans(cluster)).includes(`default/${net}-there`));
  assert((await owners(cluster, pool)).includes(`${net}-there`));
  await using fenced = await fence(cluster, "node2");
  const swept = async () => !(await owners(cluster, pool)).includes(`${net}-there`);
  await eventually("the address of a pod that died with its node is free", swept, SWEPT);
  assert.deepEqual(await owners(cluster, pool), [`${net}-here`, `${sticky}-0`, `${set}-0`]);
  // kept without a pod that runs, and no longer with the sandbox that died with the node
  assert.deepEqual(await entryOf(cluster, pool, `${sticky}-0`), { ...old[1], id: "" });

  const patch = JSON.stringify({ spec: { template: { spec: nodeSelector("node1") } } });
  await cluster.kubectl("patch", "statefulset", sticky, `--patch=${patch}`);
  await cluster.kubectl("delete", "pod", `${sticky}-0`, ...FORCED);
  await ready(sticky);
  assert.deepEqual(await addresses(), before);
  const moved = await entries();
  assert.deepEqual(moved.map(({ offset }) => offset), old.map(({ offset }) => offset));
  for (const [i, { id }] of moved.entries()) assert.notEqual(id, old[i]?.id);
  await consistent(cluster);

  await fenced.lift();
  await node.comeBack("kept");
  const forgotten = async () => {
    const { code, stdout } = await cluster.onNode(2, "ctr", "-n", "k8s.io", "containers", "ls", "-q");
    return code === 0 && !old.some(({ id = "none" }) => stdout.includes(id));
  };
  await eventually("node2 has cleaned up the old sandboxes of the pods", forgotten, 180_000);
  assert.deepEqual(await entries(), moved);
  assert.deepEqual((await reported(cluster, net)).get(`${net}-here`), here);
  await cluster.kubectl("delete", "statefulset", ...sets, "--cascade=foreground", "--timeout=60s");
  await sweep(cluster);
  await deletePods(cluster, net, pool);
  await consistent(cluster);
});

Deno.test("a node that lost its disk leaves nothing behind, and gives its pods their addresses again", async () => {
  const cluster = await openCluster();
  const net = "lost";
  const pool = "192.168.111.0-24";
  await cluster.apply(network(net, { range: "192.168.111.0/24" }));
  await cluster.apply(...["a", "b", "c"].map((one) => pod(`${net}-${one}`, net, one === "c" ? "node1" : "node2")));
  const before = await readyPods(cluster, net);
  const old = await entryOf(cluster, pool, `${net}-b`);

  await using _ = await controllerFlags(cluster, "--dead-node-grace=30s");
  await using node = await cluster.killNode(2);
  await cluster.kubectl("delete", "pod", `${net}-a`, ...FORCED);
  const swept = async () => !(await owners(cluster, pool)).includes(`${net}-a`);
  await eventually("the address of a pod that died with its node is free", swept, SWEPT);
  assert.deepEqual(await owners(cluster, pool), [`${net}-b`, `${net}-c`]);

  await node.comeBack("lost");
  await cluster.kubectl("wait", "--for=condition=Ready", "--timeout=90s", `pod/${net}-b`, `pod/${net}-c`);
  const now = await entryOf(cluster, pool, `${net}-b`);
  assert.equal(now.offset, old.offset);
  assert.notEqual(now.id, old.id);
  const after = await reported(cluster, net);
  for (const one of ["b", "c"]) assert.deepEqual(after.get(`${net}-${one}`), before.get(`${net}-${one}`));
  await deletePods(cluster, net, pool);
  await consistent(cluster);
});
