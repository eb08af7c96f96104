/**
 * Reservations that stay behind when an entry goes.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import { type Allocation, formatPoolKey, type PoolKey, sameInterface, sameOwner } from "../pool/types.ts";
import type { Reservation, Reservations } from "../storage/driver.ts";
import { retry } from "../storage/retry.ts";
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
 * Deletes the reservation of an entry that goes or is gone, whichever sandbox of the interface it names: a takeover that failed or died half
 * way leaves one that names another sandbox than the entry does, and no release of either would match it.
 *
 * Every owner writes the entry before the reservation. So a reservation seen first, for which no pool then has another entry of its
 * interface, is nobody's; and it is deleted only as it was seen.
 *
 * @returns whether it was deleted
 */
export async function releaseLeftover(
  { ipam, overlaps, key, signal }: ReservedPool,
  entry: Allocation,
): Promise<boolean> {
  const { network, ip } = reservationOf(key, entry);
  const found = await retry((limit) => overlaps.find(network, ip, limit), ipam.clock, signal);
  if (!found || found.podRef !== entry.podRef || (found.ifName !== entry.ifName && found.ifName !== "")) return false;
  const pools = await retry((limit) => ipam.driver.list(limit), ipam.clock, signal);
  const pool = formatPoolKey(key);
  const holds = pools.some((other) => {
    const held = other.key.cidr.family === ip.family ? other.allocations.get(ip.value) : undefined;
    if (!held || (formatPoolKey(other.key) === pool && sameOwner(held, entry))) return false;
    return sameInterface(held, entry) || sameInterface(held, found);
  });
  if (holds) return false;
  ipam.log.info("Deleting a reservation that no entry stands for", {
    pool,
    address: formatIp(ip),
    holder: found.podRef,
  });
  return await retry((limit) => overlaps.release(found, limit), ipam.clock, signal);
}
