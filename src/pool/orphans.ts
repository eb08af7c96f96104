/**
 * Pool entries compared with the facts about their pods.
 *
 * @module
 */
import type { Cidr } from "../address/cidr.ts";
import { type Assignment, type Evidence, type FreeReason, judge, reasonOf } from "./evidence.ts";
import type { Move } from "./move.ts";
import type { PodFacts } from "./pod_facts.ts";
import { addressOf, type Allocations, type Entry, type PodSandbox, type PoolKey } from "./types.ts";

/** The allocations of one pool. */
export interface PoolFacts {
  /** The pool. */
  readonly key: PoolKey;
  /** Its allocations. */
  readonly allocations: Allocations;
  /** Whether its allocations need reservations, whatever its networks configure. Absent: no. */
  readonly mustReserve?: true;
  /** The controller of the original because of which it keeps no further address for an object. Absent: it keeps them. */
  readonly refusesKeepers?: string;
  /** Where its entries live, if not in itself, or to where they move. Absent: they live in it. */
  readonly move?: Move;
}

/** An entry that is freed, or would be. */
export interface Orphan extends Entry {
  /** Why. */
  readonly reason: FreeReason;
}

/** A kept entry whose sandbox has ended: it is detached, or would be. */
export interface Detached extends Orphan {
  /** The sandbox. */
  readonly sandbox: PodSandbox;
}

/** An entry that is kept although nothing shows that its pod uses the address. */
export interface Unconfirmed extends Entry {
  /** The missing evidence. */
  readonly why: string;
  /** Since when, in milliseconds since 1970. Absent if unknown. */
  readonly since?: number;
}

/** Every entry of the pools, one by one: a copy of all would take as much memory as the pools. */
export function entriesOf(pools: readonly PoolFacts[]): IteratorObject<Entry> {
  return pools.values().flatMap(({ key, allocations }) =>
    allocations.values().map((allocation) => ({ key, allocation }))
  );
}

/**
 * The assignment that an entry records.
 *
 * @param range the range that the pool is a part of. Default: the pool's own network
 */
export function assignmentOf(entry: Entry, range: Cidr = entry.key.cidr): Assignment {
  const { former } = entry.allocation;
  return { owner: entry.allocation, ip: addressOf(entry), range, ...(former && { former }) };
}

/** The same for its former sandbox; empty if it names none. */
export function formerAssignmentOf(entry: Entry, range: Cidr = entry.key.cidr): Assignment[] {
  const { former, ifName, keeper } = entry.allocation;
  if (!former) return [];
  return [{ owner: { ...former, ifName, ...(keeper && { keeper }) }, ip: addressOf(entry), range, isFormer: true }];
}

/**
 * The evidence in a complete list of pods. It selects the owners whose evidence must be read directly; it frees no address by itself.
 */
export function listedEvidence(pods: readonly PodFacts[]): (podRef: string) => Evidence {
  const byRef = new Map(pods.map((pod) => [pod.podRef, pod]));
  return (podRef) => {
    const value = byRef.get(podRef);
    return { pod: value ? { kind: "found", value } : { kind: "absent" }, claims: { kind: "absent" } };
  };
}

/** The entries that a complete list of pods shows as unused. */
export function findOrphans(pools: readonly PoolFacts[], pods: readonly PodFacts[]): Orphan[] {
  const evidenceOf = listedEvidence(pods);
  return entriesOf(pools).flatMap((entry): Orphan[] => {
    const verdict = judge(assignmentOf(entry), evidenceOf(entry.allocation.podRef), {});
    if (verdict.kind === "free") return [{ ...entry, reason: verdict.reason }];
    return verdict.kind === "suspect" ? [{ ...entry, reason: reasonOf(verdict.sighting) }] : [];
  }).toArray();
}
