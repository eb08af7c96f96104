/**
 * Deleting reservations, by whoever proved that their entry was its own.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import { type Allocation, formatPoolKey, type PoolKey } from "../pool/types.ts";
import { dependents } from "../pool/takeover.ts";
import type { Reservation, Reservations } from "../storage/driver.ts";
import type { Ipam } from "./ipam.ts";

/** One pool of a store with reservations, in one call. */
export interface ReservedPool {
  /** The store. */
  readonly ipam: Ipam;
  /** Its reservations. */
  readonly overlaps: Reservations;
  /** The pool. */
  readonly key: PoolKey;
  /** Ends the call. */
  readonly signal: AbortSignal;
}

/** The reservation that belongs to an entry. */
export function reservationOf(key: PoolKey, { address, ...owner }: Allocation): Omit<Reservation, "token"> {
  return { ...owner, network: key.network, ip: { family: key.cidr.family, value: address } };
}

/**
 * Deletes the reservation of an entry that this call removed: the proof that it was the entry's sandbox that held the address. Where the
 * reservation names another sandbox, a takeover ended half-way, and {@linkcode releaseRemnant} decides.
 *
 * @param token the reservation's token as the node remembers it: saves finding it
 */
export async function releaseReservation(work: ReservedPool, entry: Allocation, token?: string): Promise<void> {
  const { overlaps, key, signal } = work;
  const reservation = { ...reservationOf(key, entry), ...(token !== undefined && { token }) };
  const deleted = await overlaps.release(reservation, signal);
  if (!deleted) await releaseRemnant(work, entry);
}

/**
 * Deletes a reservation of an entry's interface that no entry depends on: what a call that ended between its two writes left behind,
 * whichever sandbox it names.
 *
 * Everybody writes the entry before the reservation, and whoever takes a reservation over changes it. So a reservation found first, on
 * which no entry depends in the pools listed afterwards, is nobody's; and it is deleted only as it was found.
 *
 * @returns whether it was deleted
 */
export async function releaseRemnant(
  { ipam, overlaps, key, signal }: ReservedPool,
  entry: Allocation,
): Promise<boolean> {
  const { network, ip } = reservationOf(key, entry);
  const found = await overlaps.find(network, ip, signal);
  if (!found || found.podRef !== entry.podRef || (found.ifName !== entry.ifName && found.ifName !== "")) return false;
  const pools = await ipam.driver.list(signal);
  if (dependents(pools, found, entry.ifName).length > 0) return false;
  ipam.log.info("Deleting a reservation that no entry depends on", {
    pool: formatPoolKey(key),
    address: formatIp(ip),
    holder: found.podRef,
  });
  return await overlaps.release(found, signal);
}
