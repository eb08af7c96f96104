/**
 * Pools whose allocations need reservations, because another network reserves addresses of an overlapping range: the controller annotates
 * their IPPools. An annotation changes the version of the object, so commits on an earlier read conflict, also those of the original.
 *
 * @module
 */
import { formatCidr } from "../../src/address/cidr.ts";
import { ConflictError, type PoolSnapshot } from "../../src/storage/driver.ts";
import type { ApiServer } from "./api_server.ts";
import { patchPool, storedMetadata } from "./fences.ts";
import { annotationPath, annotationsOf, poolName } from "./names.ts";
import { API_VERSION, GROUP, type IpPool, type Metadata, type PatchOperation } from "./resources.ts";

const resource = "ippools";
/** Its value is `true`. */
const MUST_RESERVE = `${GROUP}/must-reserve`;

/** Whether an object is annotated. */
export function mustReserve({ annotations = {} }: Pick<Metadata, "annotations">): boolean {
  return annotations[MUST_RESERVE] === "true";
}

/**
 * Sets or removes the annotation of a snapshot's object. Creates a missing object to annotate it.
 *
 * @returns the object; undefined if it did not exist and needs no annotation
 * @throws {ConflictError} it changed, or was created or deleted
 */
export async function requireReservations(
  api: ApiServer,
  { key, version }: PoolSnapshot,
  required: boolean,
  signal: AbortSignal,
): Promise<IpPool | undefined> {
  const stored = storedMetadata(version);
  if (stored) return await patchPool(api, stored, operations(stored, required), signal);
  if (!required) return undefined;
  const name = poolName(key);
  const object = await api.request<IpPool>({
    verb: "create",
    resource,
    name,
    query: { fieldManager: "whereabouts-controller" },
    body: {
      apiVersion: API_VERSION,
      kind: "IPPool",
      metadata: { name, annotations: { ...annotationsOf(key), [MUST_RESERVE]: "true" } },
      spec: { range: formatCidr(key.cidr), allocations: {} },
    },
  }, signal);
  if (!object) throw new ConflictError(`${api.what({ resource, name })} was deleted meanwhile`);
  return object;
}

/** The next write of the plugin adds the annotations of an object of the original: they show which network it belongs to. */
function operations(stored: Metadata, required: boolean): PatchOperation[] {
  const path = annotationPath(MUST_RESERVE);
  if (!required) return mustReserve(stored) ? [{ op: "remove", path }] : [];
  if (!stored.annotations) return [{ op: "add", path: "/metadata/annotations", value: { [MUST_RESERVE]: "true" } }];
  return [{ op: "add", path, value: "true" }];
}
