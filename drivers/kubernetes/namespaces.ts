/**
 * Which namespaces hold objects of ours. For commands: never loaded on the plugin's way.
 *
 * @module
 */
import { RefusedError } from "../../src/storage/driver.ts";
import type { ApiClient } from "./http.ts";
import { listAll } from "./list.ts";
import type { Metadata } from "./resources.ts";

/**
 * Counts the IPPools, reservations and NodeSlicePools of each namespace of the cluster.
 *
 * @throws {RefusedError} IPPools may not be listed in all namespaces, or are not served
 */
export async function namespacesInUse(api: ApiClient, signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
  const list = (resource: Parameters<typeof listAll>[1]) =>
    listAll<{ readonly metadata: Metadata }>(api, resource, signal, { everywhere: true, metadataOnly: true });
  // roles that may list pools everywhere, and older installations, need not have the others
  const orNone = (error: unknown) => {
    if (error instanceof RefusedError) return [];
    throw error;
  };
  const objects = [
    ...await list("ippools"),
    ...await list("overlappingrangeipreservations").catch(orNone),
    ...await list("nodeslicepools").catch(orNone),
  ];
  const byNamespace = Map.groupBy(objects, ({ metadata: { namespace = "" } }) => namespace);
  return new Map([...byNamespace].map(([namespace, some]) => [namespace, some.length]));
}
