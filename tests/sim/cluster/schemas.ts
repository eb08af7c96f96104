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

/** Refuses what API servers refuse. `room`: entries that fit into one object. */
export function admission(room = Number.POSITIVE_INFINITY): Admission {
  return (resource, before, after) => {
    if (resource !== "ippools") return after;
    const size = sizeOf(after);
    if (size > room) throw new ApiError(500, "etcdserver: request is too large");
    if (before) keepRules(before.spec as PoolSpec, after.spec as PoolSpec);
    return after;
  };
}

function keepRules(before: PoolSpec, after: PoolSpec): void {
  const { closed, opened } = after;
  if (after.range !== before.range) throw invalid("the range stays");
  const isOpen = closed === undefined || (opened !== undefined && opened > closed);
  if (!isOpen && sizeOf({ spec: after }) > sizeOf({ spec: before })) throw invalid("a closed pool takes no new entries");
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
