/**
 * Recreates entries that the store lost while their owners still run.
 *
 * @module
 */
import type { Draft } from "./draft.ts";
import type { RestoreOutcome, RestoreRequest } from "./requests.ts";
import { type Allocation, type Allocations, isKeptFor, type Owner, ownsReservation, sameInterface } from "./types.ts";

/** Remembered entries that do not match the pool. */
export interface Remembered {
  /** Entries whose address is free: the store lost them. */
  readonly lost: readonly Allocation[];
  /** Entries whose address is allocated to another owner: two owners use it. */
  readonly duplicates: readonly { readonly allocation: Allocation; readonly holder: Allocation }[];
}

/** Compares remembered entries with a pool. An entry of the same interface matches, even if a newer sandbox took it over. */
export function compareRemembered(present: Allocations, remembered: Iterable<Allocation>): Remembered {
  const lost: Allocation[] = [];
  const duplicates: { allocation: Allocation; holder: Allocation }[] = [];
  for (const allocation of remembered) {
    const holder = present.get(allocation.address);
    if (!holder) lost.push(allocation);
    else if (!ownsReservation(allocation, holder)) duplicates.push({ allocation, holder });
  }
  return { lost, duplicates };
}

/** Whether a pool has an entry that is kept for the owner, whatever its address. */
export function isKeptIn(allocations: Allocations, owner: Pick<Owner, "podRef" | "ifName" | "keeper">): boolean {
  return allocations.values().some((entry) => isKeptFor(owner, entry));
}

/** Whether a pool has an entry of the owner, whatever its address: a lost entry is not recreated beside it. */
export function hasEntryOf(allocations: Allocations, owner: Pick<Owner, "podRef" | "ifName" | "keeper">): boolean {
  return isKeptIn(allocations, owner) || allocations.values().some((entry) => sameInterface(entry, owner));
}

/** Recreates an entry if its address is free. An existing entry is never overwritten. */
export function restore(draft: Draft, { allocation }: RestoreRequest): RestoreOutcome {
  const holder = draft.get(allocation.address);
  if (!holder) {
    draft.set(allocation.address, allocation);
    return { kind: "restored" };
  }
  return ownsReservation(allocation, holder) ? { kind: "present" } : { kind: "duplicate", holder };
}
