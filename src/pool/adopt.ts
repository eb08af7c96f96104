/**
 * Entries copied into a pool from an older layout or another store.
 *
 * @module
 */
import { type Allocation, type Allocations, type Change, sameOwner } from "./types.ts";

/** The result of comparing entries with a pool that is to adopt them. */
export interface Adoption {
  /** The changes to write. */
  readonly changes: readonly Change[];
  /** Entries that exist with the same owner, from an earlier attempt that did not finish. */
  readonly kept: readonly Allocation[];
  /** Entries whose address has another owner in this pool. They are not adopted. */
  readonly conflicts: readonly { readonly allocation: Allocation; readonly holder: Allocation }[];
}

/** Decides which entries to write. Existing entries are never overwritten, so an adoption can be repeated. */
export function adopt(present: Allocations, entries: Iterable<Allocation>): Adoption {
  const changes: Change[] = [];
  const kept: Allocation[] = [];
  const conflicts: { allocation: Allocation; holder: Allocation }[] = [];
  for (const allocation of entries) {
    const holder = present.get(allocation.address);
    if (!holder) changes.push({ address: allocation.address, after: allocation });
    else if (sameOwner(holder, allocation)) kept.push(allocation);
    else conflicts.push({ allocation, holder });
  }
  return { changes, kept, conflicts };
}
