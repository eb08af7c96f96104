/**
 * Recreates records that the store lost, of an attachment that still exists.
 *
 * @module
 */
import { contains } from "../address/cidr.ts";
import { obstacleIn } from "../pool/move.ts";
import { compareRemembered } from "../pool/restore.ts";
import { addressOf, type Owner, type PoolKey } from "../pool/types.ts";
import type { PoolSnapshot } from "../storage/driver.ts";
import { withdraw } from "../pool/requests.ts";
import { SupersededError } from "./errors.ts";
import type { RecordedEntry } from "./recorded.ts";
import type { Ipam } from "./ipam.ts";
import { reservationOf } from "./release_reservation.ts";
import { reserve } from "./reserve.ts";

/** What the store has for a recorded entry. `key`: the pool to which it belongs by now. */
type Compared =
  | { readonly kind: "present" }
  | { readonly kind: "lost"; readonly key: PoolKey }
  | { readonly kind: "duplicate"; readonly key: PoolKey; readonly holder: Owner };

/**
 * Compares a recorded entry with its pool and those to which that one's entries have moved. It may be in either while they move; if it is in
 * none, it belongs to the first one that has its address and allocates, or to the last one while none does.
 *
 * @param pools the pool of the record first
 */
export function compareRecorded(pools: readonly PoolSnapshot[], entry: RecordedEntry): Compared {
  const having = pools.filter(({ key }) => contains(key.cidr, addressOf(entry)));
  const found = having.map(({ allocations }) => compareRemembered(allocations, [entry.allocation]));
  if (found.some(({ lost, duplicates }) => lost.length + duplicates.length === 0)) return { kind: "present" };
  // a joined pool allocates by itself, and the block of the address may not exist
  const key = (having.find(({ move }) => !obstacleIn(move)) ?? having.at(-1))?.key ?? entry.key;
  const holder = found.flatMap(({ duplicates }) => duplicates).at(-1)?.holder;
  return holder ? { kind: "duplicate", key, holder } : { kind: "lost", key };
}

/** The result for an entry. `present`: the interface has an entry, perhaps of a newer sandbox. `closed`: its pool accepts no entries. */
export type Restored =
  | { readonly kind: "restored" | "present" | "closed" }
  | { readonly kind: "duplicate"; readonly holder: Owner };

/**
 * Recreates an entry, and its reservation if ADD made one or the pool must reserve. Records of other owners are never overwritten: if the
 * reservation has another owner by now, the entry is removed again.
 *
 * @throws the store's error
 */
export async function restoreEntry(
  ipam: Ipam,
  { key, allocation, reserved }: RecordedEntry,
  signal: AbortSignal,
): Promise<Restored> {
  using _lock = await ipam.lockPool(key, signal);
  const lost = { ...allocation, ...(reserved === false && { unreserved: true as const }) };
  const outcome = await ipam.commit(key, { kind: "restore", allocation: lost }, { signal });
  const { reservations } = ipam.driver;
  if (outcome.kind !== "restored" || !reservations || (reserved === false && !outcome.mustReserve)) return outcome;
  try {
    const result = await reserve(ipam, reservations, reservationOf(key, allocation), undefined, signal);
    if (result.kind !== "foreign") return outcome;
    await ipam.commit(key, withdraw(allocation), { signal });
    return { kind: "duplicate", holder: result.holder };
  } catch (error) {
    if (error instanceof SupersededError) return { kind: "present" };
    throw error;
  }
}
