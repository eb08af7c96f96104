/**
 * What is asked of a cluster besides its store. Each part is loaded when it is first asked for.
 *
 * @module
 */
import type { Cluster, ClusterAccess } from "../src/controllers/cluster.ts";
import type { PodsSource } from "../src/controllers/pods_source.ts";
import type { Finding } from "../src/install/preflight.ts";
import type { World } from "../src/world/world.ts";

/** Opens the cluster of a kubeconfig; without one, that of the pod this runs in. Sends nothing yet. */
export async function openCluster(world: World, access: ClusterAccess): Promise<Cluster> {
  return await (await import("./kubernetes/cluster.ts")).openCluster(world, access);
}

/** Whether an API server is ready for the plugin. Never rejects. */
export async function inspectApi(world: World, kubeconfig: string | undefined): Promise<readonly Finding[]> {
  return await (await import("./kubernetes/inspect.ts")).inspectApi(world, { kubeconfig });
}

/**
 * The pods of a cluster, for a sweep: that of a kubeconfig; without one, that of the pod this runs in. Reads the networks at once.
 *
 * @throws {RefusedError} the credentials cannot be used, or may not list
 * @throws {UnavailableError} the cluster does not answer
 */
export async function openPods(world: World, access: ClusterAccess): Promise<PodsSource> {
  const { podsOfCluster } = await import("../src/controllers/pods_source.ts");
  return await podsOfCluster(world, await openCluster(world, access));
}
