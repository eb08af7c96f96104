/**
 * Annotations by which the controller changes what plugins do with a pool: whether its allocations need reservations, because another network
 * reserves addresses of an overlapping range; and whether it keeps no further address for an object, because a controller of the original would
 * free it. An annotation changes the version of the object, so commits on an earlier read conflict, also those of the original.
 *
 * @module
 */
import { formatCidr } from "../../src/address/cidr.ts";
import { decodeMove } from "../../src/pool/move.ts";
import { ConflictError, type PoolSnapshot } from "../../src/storage/driver.ts";
import type { ApiServer } from "./api_server.ts";
import { patchPool, storedMetadata } from "./fences.ts";
import { annotationPath, annotationsOf, poolName } from "./names.ts";
import { API_VERSION, GROUP, type IpPool, type Metadata, type PatchOperation } from "./resources.ts";

const resource = "ippools";
/** Its value is `true`. */
export const MUST_RESERVE = `${GROUP}/must-reserve`;
/** Its value is {@linkcode PoolSnapshot.refusesKeepers}. */
export const KEEPERS_REFUSED = `${GROUP}/keepers-refused-because`;

/** Its value is {@linkcode PoolSnapshot.move} as text. */
export const MOVE = `${GROUP}/move`;

/** The marks of an object. */
export function marksOf(
  { annotations = {} }: Pick<Metadata, "annotations">,
): Pick<PoolSnapshot, "mustReserve" | "refusesKeepers" | "move"> {
  const { [MUST_RESERVE]: mustReserve, [KEEPERS_REFUSED]: refusesKeepers } = annotations;
  const move = decodeMove(annotations[MOVE]);
  return {
    ...(mustReserve === "true" && { mustReserve: true }),
    ...(refusesKeepers && { refusesKeepers }),
    ...(move && { move }),
  };
}

/**
 * Sets or removes an annotation of a snapshot's object. Creates a missing object to annotate it.
 *
 * @param value undefined: removes it
 * @param further what the same write changes besides
 * @returns the object; undefined if it did not exist and needs no annotation
 * @throws {ConflictError} it changed, or was created or deleted
 */
export async function markPool(
  api: ApiServer,
  { key, version }: PoolSnapshot,
  annotation: string,
  value: string | undefined,
  signal: AbortSignal,
  further: Further = {},
): Promise<IpPool | undefined> {
  const stored = storedMetadata(version);
  if (stored) {
    const all = [...operations(stored, annotation, value), ...further.operations?.(stored) ?? []];
    return await patchPool(api, stored, all, signal);
  }
  if (value === undefined) return undefined;
  const name = poolName(key);
  const { labels, annotations, spec } = further.created ?? {};
  const object = await api.request<IpPool>({
    verb: "create",
    resource,
    name,
    query: { fieldManager: "whereabouts-controller" },
    body: {
      apiVersion: API_VERSION,
      kind: "IPPool",
      metadata: {
        name,
        ...(labels && { labels }),
        annotations: { ...annotationsOf(key), ...annotations, [annotation]: value },
      },
      spec: { range: formatCidr(key.cidr), allocations: {}, ...spec },
    },
  }, signal);
  if (!object) throw new ConflictError(`${api.what({ resource, name })} was deleted meanwhile`);
  return object;
}

/** What a mark changes besides its annotation. */
interface Further {
  /** For a stored object, after the annotation. */
  readonly operations?: (stored: Metadata) => readonly PatchOperation[];
  /** Members of a new object. */
  readonly created?: Created | undefined;
}

/** Members of an object that is created to carry a mark, beside those of every pool. */
export interface Created {
  /** Labels. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Further annotations. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Further members of `spec`. */
  readonly spec?: object;
}

/** The next write of the plugin adds the annotations of an object of the original: they show which network it belongs to. */
function operations({ annotations }: Metadata, annotation: string, value: string | undefined): PatchOperation[] {
  const path = annotationPath(annotation);
  if (value === undefined) return annotations?.[annotation] === undefined ? [] : [{ op: "remove", path }];
  if (!annotations) return [{ op: "add", path: "/metadata/annotations", value: { [annotation]: value } }];
  return [{ op: "add", path, value }];
}
