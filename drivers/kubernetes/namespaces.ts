/**
 * Which namespaces hold objects of ours.
 *
 * @module
 */
import { RefusedError } from "../../src/storage/driver.ts";
import type { ApiServer } from "./api_server.ts";
import type { Metadata, Resource } from "./resources.ts";

/**
 * Counts the IPPools, reservations and NodeSlicePools of each namespace of the cluster.
 *
 * @throws {RefusedError} IPPools may not be listed in all namespaces, or are not served
 */
export async function namespacesInUse(api: ApiServer, signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
  const list = (resource: Resource) =>
    api.list<{ readonly metadata: Metadata }>({ resource, everywhere: true, metadataOnly: true }, signal);
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
