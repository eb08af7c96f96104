/**
 * Objects of the stories, and what the cluster says of them.
 *
 * @module
 */
import { eventually, type Finished } from "../tests/support/process.ts";
import type { Cluster, Seen } from "./cluster.ts";

/** A network on `eth1` of the nodes, with more keys beside `ipam`. */
export function network(name: string, ipam: Record<string, unknown>, more: Record<string, unknown> = {}): unknown {
  const full = { type: "whereabouts", ...ipam };
  const config = { cniVersion: "1.0.0", name, type: "macvlan", master: "eth1", mode: "bridge", ...more, ipam: full };
  return {
    apiVersion: "k8s.cni.cncf.io/v1",
    kind: "NetworkAttachmentDefinition",
    metadata: { name, namespace: "default" },
    spec: { config: JSON.stringify(config) },
  };
}

/** Metadata and spec of a pod that waits until a signal ends it. */
export function podTemplate(net: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  const command = ["sh", "-c", "trap 'exit 0' TERM; sleep 100000 & wait"];
  return {
    metadata: { labels: { app: net }, annotations: { "k8s.v1.cni.cncf.io/networks": net } },
    spec: {
      terminationGracePeriodSeconds: 10,
      containers: [{ name: "c", image: "localhost/busybox:1", imagePullPolicy: "IfNotPresent", command }],
      ...more,
    },
  };
}

/** A pod, on a node where one is named. */
export function pod(name: string, net: string, nodeName?: string): unknown {
  const { metadata, spec } = podTemplate(net, nodeName === undefined ? {} : { nodeName });
  return { apiVersion: "v1", kind: "Pod", metadata: { ...metadata as object, name, namespace: "default" }, spec };
}

/** A ReplicaSet or StatefulSet of such pods. */
export function replicas(kind: "ReplicaSet" | "StatefulSet", name: string, net: string, count: number): unknown {
  const selector = { matchLabels: { app: net } };
  const more = kind === "StatefulSet" ? { serviceName: name, podManagementPolicy: "Parallel" } : {};
  const spec = { replicas: count, selector, template: podTemplate(net), ...more };
  return { apiVersion: "apps/v1", kind, metadata: { name, namespace: "default" }, spec };
}

/** Addresses that Multus reports for an interface of the pods with a label (default: of a network), by pod. */
export async function reported(
  cluster: Cluster,
  net: string,
  { ifName = "net1", label = "app" } = {},
): Promise<Map<string, readonly string[]>> {
  const { items } = await cluster.get("pods", "-l", `${label}=${net}`);
  const found = new Map<string, readonly string[]>();
  for (const { metadata } of items) {
    const status = JSON.parse(metadata.annotations?.["k8s.v1.cni.cncf.io/network-status"] ?? "[]");
    const seen = status.find((one: { interface: string }) => one.interface === ifName);
    if (seen) found.set(metadata.name, seen.ips);
  }
  return found;
}

/** The rights of nodes for networks whose addresses stay, as docs/PERSISTENT.md has them. Disposing it takes them back. */
export async function persistentRights(cluster: Cluster): Promise<AsyncDisposable> {
  return await applied(cluster, "install/manifests/persistent-rbac.yaml");
}

/** Applies a file of the repository. Disposing it deletes the objects. */
export async function applied(cluster: Cluster, path: string): Promise<AsyncDisposable> {
  const file = new URL(`../${path}`, import.meta.url).pathname;
  await cluster.kubectl("apply", "-f", file);
  return { [Symbol.asyncDispose]: async () => void await cluster.kubectl("delete", "-f", file) };
}

/** Restarts the controllers with these flags (`--name=value`). Disposing it restarts them with those of the manifests. */
export async function controllerFlags(cluster: Cluster, ...flags: readonly string[]): Promise<AsyncDisposable> {
  const [system, deployment] = [["-n", "kube-system"], "deployment/whereabouts-controller"];
  const restart = async (value: readonly string[]) => {
    const patch = JSON.stringify([{ op: "replace", path: "/spec/template/spec/containers/0/args", value }]);
    await cluster.kubectl("patch", ...system, deployment, "--type=json", `--patch=${patch}`);
    await cluster.kubectl("rollout", "status", ...system, "--timeout=120s", deployment);
  };
  const text = await cluster.kubectl("get", ...system, deployment, "-o", "json");
  const before: readonly string[] = JSON.parse(text).spec.template.spec.containers[0].args;
  const names = new Set(flags.map((flag) => flag.split("=")[0]));
  await restart([...before.filter((arg) => !names.has(arg.split("=")[0])), ...flags]);
  return { [Symbol.asyncDispose]: () => restart(before) };
}

/** Who has what of a pool, by offset. */
export async function allocations(cluster: Cluster, pool: string): Promise<Seen["spec"]["allocations"]> {
  const { spec } = await cluster.get("ippools", "-n", "kube-system", pool);
  return spec.allocations;
}

/** Waits until the pods of a network are ready, and gives their addresses on `net1`. */
export async function readyPods(cluster: Cluster, net: string, seconds = 60): Promise<Map<string, readonly string[]>> {
  await cluster.kubectl("wait", "--for=condition=Ready", `--timeout=${seconds}s`, "pod", "-l", `app=${net}`);
  return await reported(cluster, net);
}

/** Deletes the pods of a network, and waits until they are gone and a pool is empty. */
export async function deletePods(cluster: Cluster, net: string, ...pools: readonly string[]): Promise<void> {
  await cluster.kubectl("delete", "pod", "-l", `app=${net}`, "--timeout=90s");
  for (const pool of pools) await emptied(cluster, pool);
}

/** Waits until nothing is given of a pool. */
export async function emptied(cluster: Cluster, pool: string): Promise<void> {
  const isEmpty = async () => Object.keys(await allocations(cluster, pool)).length === 0;
  await eventually(`addresses of ${pool} released`, isEmpty, 60_000);
}

/** Sweeps at once, and with the shortest grace: the deletion of what kept an address is seen by the next sweep. */
export async function sweep(cluster: Cluster): Promise<void> {
  const { code, stderr } = await cluster.whereabouts("reconcile", "--grace=5s", "--namespace", "kube-system");
  if (code !== 0) throw new Error(`The sweep failed: ${stderr}`);
}

/** Waits until pools, reservations and pods agree. Each story ends with it. */
export async function consistent(cluster: Cluster): Promise<void> {
  let last = "";
  const agree = async () => {
    const { code, stdout, stderr } = await cluster.whereabouts("check", "--json", "--namespace", "kube-system");
    last = stdout + stderr;
    return code === 0;
  };
  await eventually("a consistent store", agree, 60_000).catch((cause) => {
    throw new Error(`The store is not consistent: ${last}`, { cause });
  });
}

/** Names of the reservations of pods whose name begins with the network's. */
export async function reservationsOf(cluster: Cluster, net: string): Promise<readonly string[]> {
  const { items } = await cluster.get("overlappingrangeipreservations", "-n", "kube-system");
  return items.filter(({ spec }) => spec.podref.startsWith(`default/${net}-`)).map(({ metadata }) => metadata.name)
    .sort();
}

/**
 * Waits until every node's agent is the one of its pod. Processes of a force-deleted pod keep running for a while, and answers the
 * probes of the pod that comes after it.
 */
export async function agentsSettled(cluster: Cluster): Promise<void> {
  await eventually("one agent a node, of a pod that is ready, which serves its metrics", async () => {
    const columns = '{.spec.nodeName} {.status.conditions[?(@.type=="Ready")].status}{"\\n"}';
    const jsonpath = `jsonpath={range .items[*]}${columns}{end}`;
    const pods = await cluster.kubectl("get", "pods", "-n", "kube-system", "-l", "name=whereabouts", "-o", jsonpath);
    const running = await Promise.all([1, 2].map((node) => cluster.onNode(node, "busybox", "ps", "-o", "args")));
    const isOne = ({ stdout }: { readonly stdout: string }) => stdout.split("install --agent").length === 2;
    const served = await Promise.all([1, 2].map((node) => metricsOf(cluster, node)));
    return pods.split("\n").sort().join() === ",node1 True,node2 True" && running.every(isOne) &&
      served.every(({ code }) => code === 0);
  }, 60_000);
}

/** The metrics of a node's agent, as it serves them on the node's loopback. */
function metricsOf(cluster: Cluster, node: number): Promise<Finished> {
  return cluster.onNode(node, "busybox", "wget", "-qO-", "http://127.0.0.1:9478/metrics");
}

/** The sum of the series of a node's agent whose names begin with a name and its first labels. */
export async function agentCounter(cluster: Cluster, node: number, name: string): Promise<number> {
  const { code, stdout, stderr } = await metricsOf(cluster, node);
  if (code !== 0) throw new Error(`The agent of node${node} serves no metrics: ${stderr}`);
  const lines = stdout.split("\n").filter((line) => line.startsWith(name.replace(/\}$/, "")));
  return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}
