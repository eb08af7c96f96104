import assert from "node:assert/strict";
import { eventually } from "../tests/support/process.ts";
import { type Cluster, openCluster } from "./cluster.ts";
import { allocations, consistent, deletePods, network, pod, podTemplate, readyPods, reported } from "./objects.ts";

const FORCED = ["--grace-period=0", "--force"];
/** A sweep waits for half a minute, and a standby takes a dead leader's lease before. */
const SWEPT = 120_000;

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
  const template = podTemplate(name, {
    affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [preference] } },
  });
  const spec = { serviceName: name, replicas: 1, selector: { matchLabels: { app: name } }, template };
  return { apiVersion: "apps/v1", kind: "StatefulSet", metadata: { name, namespace: "default" }, spec };
}

Deno.test("a StatefulSet's pod takes its address along from a dead node, whose return leaves it; what else died there is swept", async () => {
  const cluster = await openCluster();
  const net = "dead";
  const set = "wander";
  const pool = "192.168.110.0-24";
  await cluster.apply(network(net, { range: "192.168.110.0/24" }), network(set, { range: "192.168.110.0/24" }));
  await cluster.apply(pod(`${net}-low`, net, "node1"));
  await readyPods(cluster, net);
  await cluster.apply(wanderer(set), pod(`${net}-there`, net, "node2"), pod(`${net}-here`, net, "node1"));
  await readyPods(cluster, net);
  await cluster.kubectl("wait", "--for=jsonpath={.status.readyReplicas}=1", "--timeout=60s", `statefulset/${set}`);
  const before = await reported(cluster, set);
  const old = await entryOf(cluster, pool, `${set}-0`);
  const here = (await reported(cluster, net)).get(`${net}-here`);
  // a lower address becomes free: who is given a new one gets that
  await cluster.kubectl("delete", "pod", `${net}-low`, "--timeout=60s");

  await using node = await cluster.killNode(2);
  await cluster.kubectl("delete", "pod", `${set}-0`, `${net}-there`, ...FORCED);
  await cluster.kubectl("wait", "--for=condition=Ready", "--timeout=90s", `pod/${set}-0`);
  assert.deepEqual(await reported(cluster, set), before);
  const moved = await entryOf(cluster, pool, `${set}-0`);
  assert.equal(moved.offset, old.offset);
  assert.notEqual(moved.id, old.id);
  const swept = async () => !(await owners(cluster, pool)).includes(`${net}-there`);
  await eventually("the address of a pod that died with its node is free", swept, SWEPT);
  assert.deepEqual(await owners(cluster, pool), [`${net}-here`, `${set}-0`]);

  await node.comeBack("kept");
  const forgotten = async () => {
    const { code, stdout } = await cluster.onNode(2, "ctr", "-n", "k8s.io", "containers", "ls", "-q");
    return code === 0 && !stdout.includes(old.id ?? "none");
  };
  await eventually("node2 has cleaned up the pod's old sandbox", forgotten, 180_000);
  assert.deepEqual(await entryOf(cluster, pool, `${set}-0`), moved);
  assert.deepEqual((await reported(cluster, net)).get(`${net}-here`), here);
  await cluster.kubectl("delete", "statefulset", set, "--cascade=foreground", "--timeout=60s");
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
