/**
 * Where a command learns of pods: the cluster, or a file for stores without one.
 *
 * @module
 */
import type { Datastore } from "../config/types.ts";
import type { Cluster } from "../controllers/cluster.ts";
import type { PodFacts } from "../pool/orphans.ts";
import type { Terminal } from "./terminal.ts";

/**
 * The pods of a file (one `namespace/name` a line, those that live), else of the datastore's cluster, else of none.
 *
 * @returns undefined where there is nobody to ask
 */
export async function podsSource(
  { world, openCluster }: Terminal,
  datastore: Datastore,
  file: string | undefined,
): Promise<Cluster | undefined> {
  if (file !== undefined) {
    const read = async () =>
      (await world.readTextFile(file)).split("\n").map((line) => line.trim()).filter((line) => line !== "");
    return {
      pods: async () => (await read()).map((podRef): PodFacts => ({ podRef, finished: false, running: false })),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
  return datastore.kind === "kubernetes" ? await openCluster(datastore.kubeconfig) : undefined;
}
