/**
 * Which allocations nobody holds any more.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import type { PodFacts } from "./pod_facts.ts";
import { type Allocation, type Allocations, formatPoolKey, type PoolKey, sameOwner } from "./types.ts";

/** The allocations of one pool. */
export interface PoolFacts {
  /** Which pool. */
  readonly key: PoolKey;
  /** Its allocations. */
  readonly allocations: Allocations;
}

/** Why an allocation is taken for an orphan. */
export type OrphanReason = "pod is gone" | "pod has finished" | "pod does not have the address";

/** An allocation that nobody holds, at one look. */
export interface Orphan {
  /** The pool. */
  readonly key: PoolKey;
  /** The entry. */
  readonly allocation: Allocation;
  /** Why. */
  readonly reason: OrphanReason;
}

/**
 * One look at all pools. Allocations that name no pod (`namespace/name`) are left alone: there is nothing to look for.
 *
 * @param pods every pod of the cluster; a list that is not complete makes orphans of the rest
 */
export function findOrphans(pools: readonly PoolFacts[], pods: readonly PodFacts[]): Orphan[] {
  const byRef = new Map<string, PodFacts>(pods.map((pod) => [pod.podRef, pod]));
  return pools.flatMap(({ key, allocations }) =>
    [...allocations.values()].flatMap((allocation) => {
      const reason = reasonFor(key, allocation, byRef.get(allocation.podRef));
      return reason ? [{ key, allocation, reason }] : [];
    })
  );
}

function reasonFor(key: PoolKey, { podRef, address }: Allocation, pod: PodFacts | undefined): OrphanReason | undefined {
  if (!/^[^/]+\/[^/]+$/.test(podRef)) return undefined;
  if (!pod) return "pod is gone";
  if (pod.finished) return "pod has finished";
  if (!pod.running || !pod.addresses) return undefined;
  return pod.addresses.has(formatIp({ family: key.cidr.family, value: address }))
    ? undefined
    : "pod does not have the address";
}

/** The orphans of which two looks agree: the same entry of the same sandbox. */
export function agreed(first: readonly Orphan[], second: readonly Orphan[]): Orphan[] {
  const seen = new Map(first.map((orphan) => [orphanKey(orphan), orphan]));
  return second.filter((orphan) => {
    const before = seen.get(orphanKey(orphan));
    return before !== undefined && sameOwner(before.allocation, orphan.allocation);
  });
}

function orphanKey({ key, allocation }: Orphan): string {
  return `${formatPoolKey(key)} ${allocation.address}`;
}
