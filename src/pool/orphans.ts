/**
 * Pool entries seen together with what is known of their pods.
 *
 * @module
 */
import type { Cidr } from "../address/cidr.ts";
import { type Claimed, type Evidence, type FreeReason, judge } from "./evidence.ts";
import type { PodFacts } from "./pod_facts.ts";
import type { Allocation, Allocations, PoolKey } from "./types.ts";

/** The allocations of one pool. */
export interface PoolFacts {
  /** Which pool. */
  readonly key: PoolKey;
  /** Its allocations. */
  readonly allocations: Allocations;
}

/** An entry and its pool. */
export interface Entry {
  /** The pool. */
  readonly key: PoolKey;
  /** The entry. */
  readonly allocation: Allocation;
}

/** An entry that is freed, or is to be. */
export interface Orphan extends Entry {
  /** Why. */
  readonly reason: FreeReason;
}

/** An entry that is kept although nothing shows that its pod holds the address. */
export interface Unconfirmed extends Entry {
  /** What is missing. */
  readonly why: string;
  /** Since when, in milliseconds since 1970. Absent where that is unknown. */
  readonly since?: number;
}

/** Every entry of pools. */
export function entriesOf(pools: readonly PoolFacts[]): Entry[] {
  return pools.flatMap(({ key, allocations }) => [...allocations.values()].map((allocation) => ({ key, allocation })));
}

/**
 * An entry as it is judged.
 *
 * @param range the range that the pool is of. Default: the pool's own
 */
export function claimedBy({ key: { cidr }, allocation }: Entry, range: Cidr = cidr): Claimed {
  return { owner: allocation, ip: { family: cidr.family, value: allocation.address }, range };
}

/**
 * What a complete list of pods says of owners. It is enough to tell which owners need a closer look: what frees an address is read directly.
 */
export function listedEvidence(pods: readonly PodFacts[]): (podRef: string) => Evidence {
  const byRef = new Map(pods.map((pod) => [pod.podRef, pod]));
  return (podRef) => {
    const value = byRef.get(podRef);
    return { pod: value ? { kind: "found", value } : { kind: "absent" }, claims: { kind: "absent" } };
  };
}

/** The entries that a complete list of pods shows unused, at one look. */
export function findOrphans(pools: readonly PoolFacts[], pods: readonly PodFacts[]): Orphan[] {
  const evidenceOf = listedEvidence(pods);
  return entriesOf(pools).flatMap((entry): Orphan[] => {
    const verdict = judge(claimedBy(entry), evidenceOf(entry.allocation.podRef), {});
    if (verdict.kind === "free") return [{ ...entry, reason: verdict.reason }];
    return verdict.kind === "suspect" ? [{ ...entry, reason: verdict.sighting.reason }] : [];
  });
}
