/**
 * Recreates records that the store lost, of an attachment that still exists.
 *
 * @module
 */
import type { Owner } from "../pool/types.ts";
import { withdraw } from "../pool/requests.ts";
import { SupersededError } from "./errors.ts";
import type { RecordedEntry } from "./recorded.ts";
import type { Ipam } from "./ipam.ts";
import { reservationOf } from "./release_reservation.ts";
import { reserve } from "./reserve.ts";

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
