/**
 * Entries that come from another place: an older layout, another store.
 *
 * @module
 */
import { type Allocation, type Allocations, type Change, sameOwner } from "./types.ts";

/** What taking entries in comes to. */
export interface Adoption {
  /** What is to be written. */
  readonly changes: readonly Change[];
  /** Entries that are there already, of the same owner: of an earlier, unfinished attempt. */
  readonly kept: readonly Allocation[];
  /** Entries whose address belongs to somebody else here. They are not taken in. */
  readonly conflicts: readonly { readonly allocation: Allocation; readonly holder: Allocation }[];
}

/** Takes entries into a pool as they are. What is there is never overwritten, so that it can be repeated. */
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
