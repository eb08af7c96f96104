/**
 * Where a command learns of pods.
 *
 * @module
 */
import type { Datastore } from "../config/types.ts";
import { podsOfCluster, podsOfFile, type PodsSource } from "../controllers/pods_source.ts";
import type { Flags } from "./define.ts";
import type { Terminal } from "./terminal.ts";

/** The flag for stores without a cluster. */
export const PODS_FLAG = {
  pods: { type: "string", value: "FILE", help: "Living pods, one namespace/name a line, instead of a cluster's" },
} as const satisfies Flags;

/** Flags that say where to ask. */
export interface PodsFlags {
  /** A file. */
  readonly pods?: string | undefined;
  /** A cluster. */
  readonly kubeconfig?: string | undefined;
  /** Context of its kubeconfig. */
  readonly context?: string | undefined;
  /** Namespace of our objects. */
  readonly namespace?: string | undefined;
  /** File of IPAM fields that networks leave out. */
  readonly config?: string | undefined;
}

/**
 * The pods of a file, else of the cluster that is named, else of the datastore's.
 *
 * @returns undefined where there is nobody to ask
 */
export async function podsSource(
  { world, openCluster }: Terminal,
  datastore: Datastore,
  { pods, kubeconfig: named, context, namespace, config }: PodsFlags,
): Promise<PodsSource | undefined> {
  if (pods !== undefined) return podsOfFile(world, pods);
  if (datastore.kind !== "kubernetes" && named === undefined) return undefined;
  const kubeconfig = named ?? (datastore.kind === "kubernetes" ? datastore.kubeconfig : undefined);
  const cluster = await openCluster(world, { kubeconfig, context, namespace, client: "command" });
  return await podsOfCluster(world, cluster, config);
}
