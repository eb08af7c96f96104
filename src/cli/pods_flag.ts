/**
 * The source of pods for commands.
 *
 * @module
 */
import type { Datastore } from "../config/types.ts";
import type { Cluster } from "../controllers/cluster.ts";
import { podsOfCluster, podsOfFile, type PodsSource } from "../controllers/pods_source.ts";
import type { Flags } from "./define.ts";
import { partsOf, type ShowProgress } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

/** The flag for stores without a cluster. */
export const PODS_FLAG = {
  pods: {
    type: "string",
    value: "FILE",
    help: "File with the existing pods, one NAMESPACE/NAME per line, instead of those of a cluster",
  },
} as const satisfies Flags;

/** Flags that select a source. */
export interface PodsFlags {
  /** File with pods. */
  readonly pods?: string | undefined;
  /** Kubeconfig of the cluster. */
  readonly kubeconfig?: string | undefined;
  /** Context of its kubeconfig. */
  readonly context?: string | undefined;
  /** Namespace of the IPPools. */
  readonly namespace?: string | undefined;
  /** File of IPAM fields that networks omit. */
  readonly config?: string | undefined;
}

/** The selected cluster, else the datastore's; undefined without either. */
export async function clusterOf(
  { world, openCluster }: Terminal,
  datastore: Datastore,
  { kubeconfig: flag, context, namespace }: PodsFlags,
): Promise<Cluster | undefined> {
  if (datastore.kind !== "kubernetes" && flag === undefined) return undefined;
  const own = datastore.kind === "kubernetes" ? datastore : undefined;
  const chosen = { kubeconfig: flag ?? own?.kubeconfig, context, namespace: own?.namespace ?? namespace };
  return await openCluster(world, { ...chosen, client: "command" });
}

/**
 * The pods of the file, else of the selected cluster, else of the datastore's cluster.
 *
 * @returns undefined without any of them
 */
export async function podsSource(
  terminal: Terminal,
  datastore: Datastore,
  flags: PodsFlags,
): Promise<PodsSource | undefined> {
  const { world, progress } = terminal;
  if (flags.pods !== undefined) return podsOfFile(world, flags.pods);
  const cluster = await clusterOf(terminal, datastore, flags);
  return cluster && await podsOfCluster(world, progress ? showingPods(cluster, progress) : cluster, flags.config);
}

/** A cluster whose list of pods shows its progress. */
function showingPods(cluster: Cluster, show: ShowProgress): Cluster {
  const { pods } = cluster;
  return {
    ...cluster,
    pods: { ...pods, list: (signal) => pods.list(signal, partsOf("pods", show)).finally(() => show(undefined)) },
  };
}
