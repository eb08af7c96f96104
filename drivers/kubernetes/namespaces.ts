/**
 * Namespaces with objects of ours.
 *
 * @module
 */
import { RefusedError } from "../../src/storage/driver.ts";
import type { ApiServer } from "./api_server.ts";
import type { Metadata, Resource } from "./resources.ts";

/**
 * Counts the IPPools, reservations and NodeSlicePools of each namespace of the cluster.
 *
 * @throws {RefusedError} the account may not list IPPools in all namespaces, or they are not served
 */
export async function namespacesInUse(api: ApiServer, signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
  const list = (resource: Resource) =>
    api.list<{ readonly metadata: Metadata }>({ resource, everywhere: true, metadataOnly: true }, signal);
  // a role that may list pools everywhere may not be allowed to list the others, and older installations lack them
  const orEmpty = (error: unknown) => {
    if (error instanceof RefusedError) return [];
    throw error;
  };
  const objects = [
    ...await list("ippools"),
    ...await list("overlappingrangeipreservations").catch(orEmpty),
    ...await list("nodeslicepools").catch(orEmpty),
  ];
  const byNamespace = Map.groupBy(objects, ({ metadata: { namespace = "" } }) => namespace);
  return new Map([...byNamespace].map(([namespace, some]) => [namespace, some.length]));
}
