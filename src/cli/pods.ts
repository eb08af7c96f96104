/**
 * Where a command learns of pods: the cluster, or a file for stores without one.
 *
 * @module
 */
import type { Datastore } from "../config/types.ts";
import { readNetworks, reservesBy } from "../controllers/networks.ts";
import type { Pods } from "../ipam/sweep.ts";
import type { PodFacts } from "../pool/orphans.ts";
import type { PoolKey } from "../pool/types.ts";
import type { Terminal } from "./terminal.ts";

/** Milliseconds to read the networks. */
const NETWORKS_TIMEOUT = 60_000;

/** Pods, and what is known of their networks. */
export interface PodsSource extends Pods, AsyncDisposable {
  /** Whether the network of a pool reserves addresses. Absent where networks are not known. */
  readonly reserves?: (key: PoolKey) => boolean;
}

/** Flags that say where to ask. */
export interface PodsFlags {
  /** A file. */
  readonly pods?: string | undefined;
  /** A cluster. */
  readonly kubeconfig?: string | undefined;
  /** Namespace of our objects. */
  readonly namespace?: string | undefined;
}

/**
 * The pods of a file (one `namespace/name` a line, those that live), else of the cluster that is named, else of the datastore's.
 *
 * @returns undefined where there is nobody to ask
 */
export async function podsSource(
  { world, openCluster }: Terminal,
  datastore: Datastore,
  { pods: file, kubeconfig: named, namespace }: PodsFlags,
): Promise<PodsSource | undefined> {
  if (file !== undefined) {
    const list = async () =>
      (await world.readTextFile(file)).split("\n").map((line) => line.trim()).filter((line) => line !== "")
        .map((podRef): PodFacts => ({ podRef, finished: false, running: false }));
    return {
      list,
      find: async (podRef) => (await list()).find((pod) => pod.podRef === podRef),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
  if (datastore.kind !== "kubernetes" && named === undefined) return undefined;
  const kubeconfig = named ?? (datastore.kind === "kubernetes" ? datastore.kubeconfig : undefined);
  const cluster = await openCluster(world, { kubeconfig, namespace });
  const attachments = await cluster.attachments.list(AbortSignal.timeout(NETWORKS_TIMEOUT));
  const { networks } = await readNetworks(world, attachments.items);
  return {
    list: async (signal) => (await cluster.pods.list(signal)).items,
    find: cluster.findPod,
    reserves: reservesBy(networks),
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}
