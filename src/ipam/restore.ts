/**
 * Recreating what the store lost of an attachment that still lives.
 *
 * @module
 */
import type { Allocation, Owner } from "../pool/types.ts";
import { drop } from "../pool/requests.ts";
import { SupersededError } from "./errors.ts";
import type { Held } from "./held.ts";
import type { Ipam } from "./ipam.ts";
import { reservationOf } from "./reservation.ts";
import { reserve } from "./reserve.ts";

/** What became of an entry. `present`: it exists, or a newer sandbox of the interface has it. `closed`: its pool takes no entries now. */
export type Restored =
  | { readonly kind: "restored" | "present" | "closed" }
  | { readonly kind: "duplicate"; readonly holder: Owner };

/**
 * Recreates the entry of an address, and its reservation where ADD made one. Nothing of somebody else's is overwritten: an entry whose
 * reservation is another's by now is removed again.
 *
 * @throws what the store threw
 */
export async function restoreHeld(
  ipam: Ipam,
  { key, allocation, reserved }: Held,
  signal: AbortSignal,
): Promise<Restored> {
  using _turn = await ipam.turn(key, signal);
  const outcome = await ipam.commit(key, { kind: "restore", allocation }, { signal });
  const { overlaps } = ipam.driver;
  if (outcome.kind !== "restored" || !overlaps || reserved === false) return outcome;
  try {
    const result = await reserve(ipam, overlaps, reservationOf(key, allocation), undefined, signal);
    if (result.kind !== "foreign") return outcome;
    await remove(ipam, key, allocation, signal);
    return { kind: "duplicate", holder: result.holder };
  } catch (error) {
    if (error instanceof SupersededError) return { kind: "present" };
    throw error;
  }
}

async function remove(ipam: Ipam, key: Held["key"], allocation: Allocation, signal: AbortSignal): Promise<void> {
  await ipam.commit(key, drop([allocation]), { signal });
}
