/**
 * Access to a cluster besides its store. Each part is loaded on first use.
 *
 * @module
 */
import type { Cluster, ClusterAccess } from "../src/controllers/cluster.ts";
import type { PodsSource } from "../src/controllers/pods_source.ts";
import type { Finding } from "../src/install/preflight.ts";
import type { TextDocument } from "../src/lint/definitions.ts";
import type { World } from "../src/world/world.ts";

/** Opens the cluster of a kubeconfig, or without one, the cluster of this pod. Sends no request. */
export async function openCluster(world: World, access: ClusterAccess): Promise<Cluster> {
  return await (await import("./kubernetes/cluster.ts")).openCluster(world, access);
}

/** Checks whether an API server is ready for the plugin. Never rejects. */
export async function inspectApi(world: World, kubeconfig: string | undefined): Promise<readonly Finding[]> {
  return await (await import("./kubernetes/inspect.ts")).inspectApi(world, { kubeconfig });
}

/** Splits YAML or JSON into its documents. */
export async function readDocuments(text: string): Promise<readonly TextDocument[]> {
  return (await import("./kubernetes/yaml.ts")).parseYamlDocuments(text);
}

/** A JSON value as YAML, without a final line break. */
export async function writeYaml(value: unknown): Promise<string> {
  return (await import("./kubernetes/yaml.ts")).formatYaml(value);
}

/**
 * Opens the pods of a cluster for a sweep: of a kubeconfig, or without one, of this pod's cluster. Reads the networks immediately.
 *
 * @throws {RefusedError} the credentials are invalid, or lack the permission to list
 * @throws {UnavailableError} the cluster does not answer
 */
export async function openPods(world: World, access: ClusterAccess): Promise<PodsSource> {
  const { podsOfCluster } = await import("../src/controllers/pods_source.ts");
  return await podsOfCluster(world, await openCluster(world, access));
}
