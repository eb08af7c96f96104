/**
 * What the schemas of the custom resources refuse, by the rules of `install/manifests/crds`, and what etcd does.
 *
 * @module
 */
import { type Admission, ApiError, type ApiObject } from "./objects.ts";

/** The members of a pool that rules are about. */
interface PoolSpec {
  readonly range?: string;
  readonly allocations?: Readonly<Record<string, unknown>>;
  readonly closed?: number;
  readonly opened?: number;
}

/** What API servers differ in. */
export interface Schemas {
  /** Entries that fit into one object. Undefined: all. */
  readonly room: number | undefined;
  /** Whether the schemas are of an older release, which drop what they do not know and have no rules. */
  readonly prunes: boolean;
}

/** Refuses what API servers refuse. */
export function admission({ room = Number.POSITIVE_INFINITY, prunes }: Schemas): Admission {
  return (resource, before, after) => {
    if (resource !== "ippools") return after;
    const size = sizeOf(after);
    if (size > room) throw new ApiError(500, "etcdserver: request is too large");
    if (prunes) return pruned(after);
    if (before) keepRules(before.spec as PoolSpec, after.spec as PoolSpec);
    return after;
  };
}

/** What the original's schema keeps of a pool. */
function pruned(object: ApiObject): ApiObject {
  const { range, allocations = {} } = object.spec as PoolSpec;
  const entries = Object.entries(allocations).map(([key, value]) => {
    const { id, podref, ifname } = value as Record<string, string | undefined>;
    return [key, { id, podref, ...(ifname !== undefined && { ifname }) }];
  });
  return { ...object, spec: { range, allocations: Object.fromEntries(entries) } };
}

function keepRules(before: PoolSpec, after: PoolSpec): void {
  const { closed, opened } = after;
  if (after.range !== before.range) throw invalid("the range stays");
  const isOpen = closed === undefined || (opened !== undefined && opened > closed);
  if (!isOpen && sizeOf({ spec: after }) > sizeOf({ spec: before })) {
    throw invalid("a closed pool takes no new entries");
  }
  for (const member of ["closed", "opened"] as const) {
    const was = before[member];
    if (was !== undefined && (after[member] ?? -1) < was) throw invalid(`${member} only grows`);
  }
}

function sizeOf({ spec }: Pick<ApiObject, "spec"> | { readonly spec: PoolSpec }): number {
  return Object.keys((spec as PoolSpec | undefined)?.allocations ?? {}).length;
}

function invalid(why: string): ApiError {
  return new ApiError(422, `IPPool is invalid: ${why}`, [{ reason: "FieldValueInvalid", message: why }]);
}
