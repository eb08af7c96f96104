/**
 * A cluster of two nodes on this machine, with Multus and our DaemonSet, and what the stories do with it.
 *
 * @module
 */
import { assets, cacheFolder } from "../tests/support/assets.ts";
import { binary } from "../tests/support/binary.ts";
import { busyboxImages, imageArchive, productImage } from "../tests/support/image.ts";
import { cniPlugins } from "../tests/support/netns.ts";
import { eventually, must } from "../tests/support/process.ts";
import { VERSION } from "../src/version.ts";
import { startControlPlane, writeIdentities } from "./control_plane.ts";
import { inside, makeNetwork, namesOf, removeNetwork } from "./network.ts";
import { startNode } from "./node.ts";

/** Tells the stories where the cluster is. */
export const CLUSTER_VARIABLE = "WHEREABOUTS_E2E_CLUSTER";

const NODES = [1, 2];
const MANIFESTS = new URL("../install/manifests/", import.meta.url).pathname;
const NAD_MODULE = "github.com/k8snetworkplumbingwg/network-attachment-definition-client";
const NAD_VERSION = "v1.7.6";

/** What the stories need of a running cluster. */
export interface Cluster {
  /** Runs kubectl as the administrator. */
  kubectl(...args: string[]): Promise<string>;
  /** Applies objects. */
  apply(...objects: readonly unknown[]): Promise<void>;
  /** Reads objects as JSON. */
  get(...args: string[]): Promise<Seen>;
}

/** An object or a list of the API server, as far as stories look at it. Members that its kind does not have are undefined there. */
export interface Seen {
  /** Of a list. */
  readonly items: readonly Seen[];
  /** Name, and what Multus tells. */
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  /** Of IPPools and reservations. */
  readonly spec: {
    readonly allocations: Readonly<Record<string, { readonly podref: string }>>;
    readonly podref: string;
  };
  /** Of events. */
  readonly message: string;
}

/** Starts a cluster. Its folder goes into {@linkcode CLUSTER_VARIABLE}; disposing it leaves the machine as it was. */
export async function startCluster(): Promise<{ readonly state: string } & AsyncDisposable> {
  await using starting = new AsyncDisposableStack();
  const binaries = {
    plane: await assets("controlPlane"),
    cluster: await assets("cluster"),
    plugins: await cniPlugins("bridge", "macvlan", "host-local"),
  };
  const program = await binary();
  await Deno.mkdir(cacheFolder(), { recursive: true });
  const state = await Deno.makeTempDir({ dir: cacheFolder(), prefix: "e2e-" });
  starting.defer(() => Deno.remove(state, { recursive: true }));
  const prefix = `wb${crypto.randomUUID().slice(0, 4)}`;
  await Deno.writeTextFile(`${state}/prefix`, prefix);
  const names = namesOf(prefix);
  const images = [...await busyboxImages(), await productImage(program, `docker.io/library/whereabouts:${VERSION}`)];
  await Deno.writeFile(`${state}/images.tar`, await imageArchive(images));
  starting.defer(() => removeNetwork(names, NODES));
  await makeNetwork(names, NODES);
  await writeIdentities(state);
  starting.use(await startControlPlane(state, names.plane, binaries));
  for (const number of NODES) starting.use(await startNode(state, names, number, binaries));
  await install(await openCluster(state));
  const all = starting.move();
  return { state, [Symbol.asyncDispose]: () => all[Symbol.asyncDispose]() };
}

/** The cluster that the runner started. */
export async function openCluster(state: string | undefined = Deno.env.get(CLUSTER_VARIABLE)): Promise<Cluster> {
  if (!state) throw new Error("There is no cluster: run the stories with deno task e2e");
  const { plane } = namesOf((await Deno.readTextFile(`${state}/prefix`)).trim());
  const program = `${await assets("controlPlane")}/kubectl`;
  const run = (args: readonly string[], stdin?: string) =>
    must(inside(plane, [program, `--kubeconfig=${state}/admin.kubeconfig`, ...args]), stdin ? { stdin } : {});
  return {
    kubectl: (...args) => run(args),
    apply: async (...items) => {
      await run(["apply", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items }));
    },
    get: async (...args) => JSON.parse(await run(["get", ...args, "-o", "json"])),
  };
}

/** The networks' custom resource, our manifests, and everything ready. */
async function install(cluster: Cluster): Promise<void> {
  const { kubectl } = cluster;
  const module = JSON.parse(await must(["go", "mod", "download", "-json", `${NAD_MODULE}@${NAD_VERSION}`]));
  await kubectl("apply", "-f", `${module.Dir}/artifacts/networks-crd.yaml`);
  await kubectl("apply", "-k", MANIFESTS);
  await kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all");
  for (const number of NODES) {
    await kubectl("wait", "--for=create", "--timeout=60s", `node/node${number}`);
    await kubectl("wait", "--for=condition=Ready", "--timeout=60s", `node/node${number}`);
  }
  await kubectl("rollout", "status", "-n", "kube-system", "--timeout=120s", "daemonset/whereabouts");
  await eventually("service account default", () => kubectl("get", "sa", "default").then(() => true, () => false));
}
