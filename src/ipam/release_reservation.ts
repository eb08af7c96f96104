/**
 * Deletes reservations.
 *
 * @module
 */
import { type Allocation, isKeptFor, ownsReservation, type PoolKey } from "../pool/types.ts";
import { dependents } from "../pool/takeover.ts";
import type { Reservation, Reservations } from "../storage/driver.ts";
import type { Ipam } from "./ipam.ts";
import { entryFields } from "./recorded.ts";

/** One pool of a store with reservations, during one call. */
interface ReservedPool {
  /** The store. */
  readonly ipam: Ipam;
  /** Its reservations. */
  readonly reservations: Reservations;
  /** The pool. */
  readonly key: PoolKey;
  /** The deadline. */
  readonly signal: AbortSignal;
}

/** The reservation of an entry. */
export function reservationOf(
  key: PoolKey,
  { address, former: _, unreserved: __, ...owner }: Allocation,
): Omit<Reservation, "token"> {
  return { ...owner, network: key.network, ip: { family: key.cidr.family, value: address } };
}

/**
 * Deletes the reservation of an entry that this call removed, which proves that the address belonged to the entry's sandbox. If the
 * reservation names another sandbox, a takeover was interrupted, and {@linkcode releaseLeftover} decides.
 *
 * @param token the reservation's token in the node's record: saves a read
 */
export async function releaseReservation(work: ReservedPool, entry: Allocation, token?: string): Promise<void> {
  const { reservations, key, signal } = work;
  const reservation = { ...reservationOf(key, entry), ...(token !== undefined && { token }) };
  const deleted = await reservations.release(reservation, signal) || await releaseLeftover(work, entry);
  if (deleted) work.ipam.reserved.forget(reservation.network, reservation.ip);
}

/**
 * Deletes a reservation of an entry's interface that no entry depends on, whichever sandbox of its pod it names: a call that ended between its
 * two writes left it behind.
 *
 * Entries are written before reservations, and a takeover changes the reservation. So if a reservation was read first, and no pool listed
 * afterwards has an entry that depends on it, it is stale; and it is deleted only if it is unchanged since that read.
 *
 * @returns whether it was deleted
 */
export async function releaseLeftover(
  { ipam, reservations, key, signal }: ReservedPool,
  entry: Allocation,
): Promise<boolean> {
  const { network, ip } = reservationOf(key, entry);
  const found = await reservations.find(network, ip, signal);
  if (!found || !ownsReservation(entry, found)) return false;
  // the store may have lost the entry of another pod of the keeper; the sweep restores it, or frees the reservation
  if (found.keeper && found.podRef !== entry.podRef) return false;
  const pools = await ipam.driver.list(signal);
  if (dependents(pools, found, entry.ifName).length > 0) return false;
  ipam.log.info("Deleting stale reservation", entryFields([{ key, allocation: { ...found, address: ip.value } }]));
  return await reservations.release(found, signal);
}

/**
 * Names in a kept reservation the sandbox that its entry names now, or none, if it still names the one that ended.
 *
 * @param containerId the sandbox that ended
 */
export async function detachReservation(
  { reservations, key, signal }: Omit<ReservedPool, "ipam">,
  entry: Allocation,
  containerId: string,
): Promise<void> {
  const wanted = reservationOf(key, entry);
  const found = await reservations.find(wanted.network, wanted.ip, signal);
  if (!found || found.containerId !== containerId || !isKeptFor(wanted, found)) return;
  await reservations.takeOver(found, wanted, signal); // one that changed since names a newer sandbox
}
