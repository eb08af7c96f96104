/**
 * A cluster of two nodes on this machine, with Multus and our DaemonSet, and what the stories do with it.
 *
 * @module
 */
import { makeChart } from "../install/release/chart.ts";
import { makeManifest } from "../install/release/manifest.ts";
import { REGISTRY } from "../install/repository.ts";
import { REVISION, VERSION } from "../src/version.ts";
import { assets, cacheFolder } from "../tests/support/assets.ts";
import { ImageStore, podImages } from "../tests/support/image.ts";
import { helm } from "../tests/support/helm.ts";
import { applyIpamClaims } from "../tests/support/ipam_claims.ts";
import { cniPlugins } from "../tests/support/netns.ts";
import { eventually, type Finished, must, run, Server } from "../tests/support/process.ts";
import { startControlPlane, writeIdentities } from "./control_plane.ts";
import { MACHINES } from "./machines.ts";
import { inside, makeNetwork, namesOf, removeNetwork } from "./network.ts";
import { bringBackNode, killNode, onNode, PLUGINS, removeNode, startNode } from "./node.ts";
import { hold, resume } from "./supervised.ts";

/** Tells the stories where the cluster is. */
export const CLUSTER_VARIABLE = "WHEREABOUTS_E2E_CLUSTER";

/** Their addresses are 10.200.0.11 to 10.200.0.19. */
export const MAX_NODES = 9;
const NAD_MODULE = "github.com/k8snetworkplumbingwg/network-attachment-definition-client";
const NAD_VERSION = "v1.7.6";
/** What a stopped control plane lacks. */
const SERVERS = ["kube-apiserver", "etcd"];
/** That a node takes no more pods, as `kubectl wait` has it. */
const UNREACHABLE = `jsonpath={.spec.taints[?(@.effect=="NoSchedule")].key}=node.kubernetes.io/unreachable`;
/** Where the nodes see the control plane. */
export const PLANE_IP = "10.200.0.1";

/** What installs our objects: `install.yaml` of a release, or its chart. */
export type Installer = "manifest" | "chart";

/** The package of the chart in the folder of a release. */
export const CHART = `whereabouts-${VERSION}.tgz`;

/** What the stories need of a running cluster. */
export interface Cluster {
  /** Runs kubectl as the administrator. */
  kubectl(...args: string[]): Promise<string>;
  /** The same as a command, to be run otherwise. */
  command(...args: string[]): readonly string[];
  /** Applies objects. */
  apply(...objects: readonly unknown[]): Promise<void>;
  /** Reads objects as JSON. */
  get(...args: string[]): Promise<Seen>;
  /** Runs a program on a node, whatever its exit code. */
  onNode(number: number, ...command: string[]): Promise<Finished>;
  /** Runs the command line of the installed binary as the administrator, beside the API server, whatever its exit code. */
  whereabouts(...args: string[]): Promise<Finished>;
  /** Ends the API server and etcd at once. */
  stopControlPlane(): Promise<void>;
  /** Starts them again, and waits until they serve. */
  resumeControlPlane(): Promise<void>;
  /** Ends a node from one moment to the next, and waits until the cluster has noticed and places no more pods there. */
  killNode(number: number): Promise<DeadNode>;
  /** What installs our objects. */
  readonly installedBy: Installer;
  /** Installs our objects from the files of a release, and waits until they run. */
  install(): Promise<void>;
  /** Runs Helm in the namespace of our objects, as the administrator. */
  helm(...args: string[]): Promise<string>;
  /** The folder of the files of a release: `install.yaml`, `uninstall.yaml`, `uninstall-patch.yaml`, and the chart. */
  readonly release: string;
  /** A program in the network of the control plane, at {@linkcode PLANE_IP}. It ends when it is disposed, and with this process. */
  besideControlPlane(name: string, command: readonly string[]): Server;
  /** The cluster's folder. `nodeN/` holds what the nodes write: `opt/`, `var-lib/`, `run/`, `etc-up/`. */
  readonly state: string;
}

/** A node that was killed. Disposing it starts it again where the story did not: the stories after it find two nodes. */
interface DeadNode extends AsyncDisposable {
  /** Starts it again, with its disk or with an empty one, and waits until it is ready with our pods. */
  comeBack(disk: "kept" | "lost"): Promise<void>;
}

/** An object or a list of the API server, as far as stories look at it. Members that its kind does not have are undefined there. */
export interface Seen {
  /** Of a list. */
  readonly items: readonly Seen[];
  /** Name, and what Multus tells. */
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  /** Of IPPools and reservations. */
  readonly spec: {
    readonly allocations: Readonly<Record<string, { readonly id: string; readonly podref: string }>>;
    readonly podref: string;
  };
  /** Of NodeSlicePools. */
  readonly status?: { readonly allocations?: readonly { readonly nodeName: string; readonly sliceRange: string }[] };
  /** Of events. */
  readonly message: string;
  /** Of events. */
  readonly involvedObject: { readonly name: string };
}

/** How a cluster is started. */
interface ClusterOptions {
  /** Number of nodes, 1 to 9. Default 2. */
  readonly nodes?: number;
  /** What installs our objects. Default `manifest`. */
  readonly installer?: Installer;
  /** Folder, which is made. Default: a new one in the cache folder. */
  readonly state?: string;
  /** Receives the steps of the start. */
  readonly report?: (step: string) => void;
}

/** Starts a cluster. Its folder goes into {@linkcode CLUSTER_VARIABLE}; disposing it leaves the machine as it was. */
export async function startCluster(
  options: ClusterOptions = {},
): Promise<{ readonly state: string } & AsyncDisposable> {
  const { nodes = 2, installer = "manifest", report = () => {} } = options;
  await using starting = new AsyncDisposableStack();
  const binaries = {
    plane: await assets("controlPlane"),
    cluster: await assets("cluster"),
    plugins: await cniPlugins(...PLUGINS),
  };
  await Deno.mkdir(options.state ?? cacheFolder(), { recursive: true });
  const state = options.state ?? await Deno.makeTempDir({ dir: cacheFolder(), prefix: "e2e-" });
  starting.defer(() => Deno.remove(state, { recursive: true }));
  const prefix = `wb${crypto.randomUUID().slice(0, 4)}`;
  await Deno.writeTextFile(`${state}/prefix`, prefix);
  await Deno.writeTextFile(`${state}/installer`, installer);
  const names = namesOf(prefix);
  const numbers = Array.from({ length: nodes }, (_, i) => i + 1);
  report("building the images with buildah (usually a minute)");
  await writeImages(state);
  await writeRelease(state, installer);
  starting.defer(() => removeNetwork(names, numbers));
  await makeNetwork(names, numbers);
  await writeIdentities(state);
  report("starting etcd, API server, controller manager and scheduler");
  starting.use(await startControlPlane(state, names.plane, binaries));
  report(`starting nodes: ${nodes}`);
  for (const number of numbers) starting.use(await startNode(state, names, number, binaries));
  await prepare(await openCluster(state), numbers, report);
  const all = starting.move();
  return { state, [Symbol.asyncDispose]: () => all[Symbol.asyncDispose]() };
}

/** Removes what a cluster left whose process was killed. Its programs ended with that process. */
export async function removeCluster(state: string): Promise<void> {
  const prefix = await Deno.readTextFile(`${state}/prefix`).catch(() => "");
  if (prefix !== "") {
    const names = namesOf(prefix.trim());
    const numbers = Array.from({ length: MAX_NODES }, (_, i) => i + 1);
    for (const number of numbers) await removeNode(names, number);
    await removeNetwork(names, numbers);
  }
  await Deno.remove(state, { recursive: true });
}

/** Writes the OCI archives of all images: `images/`, which every node imports at its start, and `reconciler.tar`. */
async function writeImages(state: string): Promise<void> {
  await using store = await ImageStore.create();
  const { whereabouts = "", "whereabouts-reconciler": reconciler = "" } = await store.buildProduct(REGISTRY);
  await Deno.mkdir(`${state}/images`);
  await must(["mv", whereabouts, ...await podImages(store), `${state}/images`]);
  await must(["mv", reconciler, `${state}/reconciler.tar`]);
}

/** Writes the files of a release that install and uninstall, as `deno task release` makes them. */
async function writeRelease(state: string, installer: Installer): Promise<void> {
  const release = { version: VERSION, revision: REVISION, time: 0, folder: releaseFolder(state) };
  await Deno.mkdir(release.folder);
  await makeManifest(release);
  if (installer === "chart") await makeChart(release);
}

function releaseFolder(state: string): string {
  return `${state}/release`;
}

/** The cluster that the runner started. */
export async function openCluster(state: string | undefined = Deno.env.get(CLUSTER_VARIABLE)): Promise<Cluster> {
  if (!state) throw new Error("There is no cluster: run the stories with deno task e2e");
  const { plane } = namesOf((await Deno.readTextFile(`${state}/prefix`)).trim());
  const program = `${await assets("controlPlane")}/kubectl`;
  const kubeconfig = `${state}/admin.kubeconfig`;
  const installedBy = await Deno.readTextFile(`${state}/installer`) === "chart" ? "chart" : "manifest";
  const release = releaseFolder(state);
  const runHelm = async (args: readonly string[]) =>
    await must(inside(plane, [await helm(), `--kubeconfig=${kubeconfig}`, "--namespace=kube-system", ...args]));
  const command = (args: readonly string[]) => inside(plane, [program, `--kubeconfig=${kubeconfig}`, ...args]);
  const kubectl = (args: readonly string[], stdin?: string) => must(command(args), stdin ? { stdin } : {});
  return {
    state,
    installedBy,
    release,
    helm: (...args) => runHelm(args),
    kubectl: (...args) => kubectl(args),
    command: (...args) => command(args),
    apply: async (...items) => {
      await kubectl(["apply", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items }));
    },
    get: async (...args) => JSON.parse(await kubectl(["get", ...args, "-o", "json"])),
    onNode: async (number, ...command) => await run(await onNode(state, number, command)),
    whereabouts: (...args) =>
      run(inside(plane, [`${state}/node2/opt/cni/bin/whereabouts`, ...args]), { env: { KUBECONFIG: kubeconfig } }),
    stopControlPlane: async () => {
      for (const name of SERVERS) await hold(`${state}/${name}`);
    },
    resumeControlPlane: async () => {
      for (const name of SERVERS) await resume(`${state}/${name}`);
      await eventually(
        "the API server",
        () => kubectl(["get", "--raw", "/readyz"]).then(() => true, () => false),
        120_000,
      );
    },
    killNode: async (number) => {
      await using dead = new AsyncDisposableStack();
      const comeBack = async (disk: "kept" | "lost") => {
        await bringBackNode(state, number, disk);
        await kubectl(["wait", "--for=condition=Ready", "--timeout=120s", `node/node${number}`]);
        await running(kubectl);
      };
      let isDead = true;
      dead.defer(() => isDead ? comeBack("kept") : undefined);
      await killNode(state, number);
      await kubectl(["wait", "--for=condition=Ready=Unknown", "--timeout=90s", `node/node${number}`]);
      // its condition comes first: until it is tainted, pods are still placed there, and wait for five minutes
      await kubectl(["wait", `--for=${UNREACHABLE}`, "--timeout=30s", `node/node${number}`]);
      const story = dead.move();
      return {
        comeBack: async (disk) => {
          isDead = false;
          await comeBack(disk);
        },
        [Symbol.asyncDispose]: () => story.disposeAsync(),
      };
    },
    install: async () => {
      if (installedBy === "chart") await runHelm(["install", "whereabouts", `${release}/${CHART}`]);
      else await kubectl(["apply", "-f", `${release}/install.yaml`]);
      await kubectl(["wait", "--for=condition=Established", "--timeout=30s", "crd", "--all"]);
      await running(kubectl);
    },
    besideControlPlane: (name, command) => new Server(inside(plane, command), `${state}/${name}.log`),
  };
}

/** Waits until every process of ours runs. */
async function running(kubectl: (args: readonly string[]) => Promise<string>): Promise<void> {
  for (const workload of ["daemonset/whereabouts", "deployment/whereabouts-controller"]) {
    await kubectl(["rollout", "status", "-n", "kube-system", "--timeout=120s", workload]);
  }
}

/** The custom resources of networks, claims and virtual machines, our manifests, and everything ready. */
async function prepare(cluster: Cluster, nodes: readonly number[], report: (step: string) => void): Promise<void> {
  const { kubectl } = cluster;
  const module = JSON.parse(await must(["go", "mod", "download", "-json", `${NAD_MODULE}@${NAD_VERSION}`]));
  await kubectl("apply", "-f", `${module.Dir}/artifacts/networks-crd.yaml`);
  await applyIpamClaims(cluster);
  await cluster.apply(MACHINES);
  for (const number of nodes) {
    await kubectl("wait", "--for=create", "--timeout=60s", `node/node${number}`);
    await kubectl("wait", "--for=condition=Ready", "--timeout=60s", `node/node${number}`);
  }
  report(`installing a release by its ${cluster.installedBy}`);
  await cluster.install();
  await eventually("service account default", () => kubectl("get", "sa", "default").then(() => true, () => false));
}
