/**
 * Writes that the API server refuses: by the rules of `install/manifests/crds`, and by the size limit of etcd.
 *
 * @module
 */
import { type Admission, ApiError, type ApiObject } from "./objects.ts";

/** Members of a pool that the rules use. */
interface PoolSpec {
  readonly range?: string;
  readonly allocations?: Readonly<Record<string, unknown>>;
  readonly closed?: number;
  readonly opened?: number;
}

/** Differences between API servers. */
export interface Schemas {
  /** Max entries of one object. Undefined: unlimited. */
  readonly room: number | undefined;
  /** Whether the schemas are of an older release: they drop unknown members and have no rules. */
  readonly prunes: boolean;
}

/** The admission of an API server. */
export function admission({ room = Number.POSITIVE_INFINITY, prunes }: Schemas): Admission {
  return (resource, before, after) => {
    if (resource !== "ippools") return after;
    const size = sizeOf(after);
    if (size > room) throw new ApiError(500, "etcdserver: request is too large");
    if (prunes) return pruned(after);
    if (before) checkRules(before.spec as PoolSpec, after.spec as PoolSpec);
    return after;
  };
}

/** A pool with the members of the original's schema only. */
function pruned(object: ApiObject): ApiObject {
  const { range, allocations = {} } = object.spec as PoolSpec;
  const entries = Object.entries(allocations).map(([key, value]) => {
    const { id, podref, ifname } = value as Record<string, string | undefined>;
    return [key, { id, podref, ...(ifname !== undefined && { ifname }) }];
  });
  return { ...object, spec: { range, allocations: Object.fromEntries(entries) } };
}

function checkRules(before: PoolSpec, after: PoolSpec): void {
  const { closed, opened } = after;
  if (after.range !== before.range) throw invalid("range is immutable");
  const isOpen = closed === undefined || (opened !== undefined && opened > closed);
  if (!isOpen && sizeOf({ spec: after }) > sizeOf({ spec: before })) {
    throw invalid("a closed pool accepts no new entries");
  }
  for (const member of ["closed", "opened"] as const) {
    const was = before[member];
    if (was !== undefined && (after[member] ?? -1) < was) throw invalid(`${member} must not decrease`);
  }
}

function sizeOf({ spec }: Pick<ApiObject, "spec"> | { readonly spec: PoolSpec }): number {
  return Object.keys((spec as PoolSpec | undefined)?.allocations ?? {}).length;
}

function invalid(why: string): ApiError {
  return new ApiError(422, `IPPool is invalid: ${why}`, [{ reason: "FieldValueInvalid", message: why }]);
}
