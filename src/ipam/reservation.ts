/**
 * Reservations that stay behind when an entry goes.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import { type Allocation, formatPoolKey, type PoolKey, sameInterface } from "../pool/types.ts";
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
export function reservationOf(
  key: PoolKey,
  { address, podRef, ifName, containerId }: Allocation,
): Omit<Reservation, "token"> {
  return { network: key.network, ip: { family: key.cidr.family, value: address }, podRef, ifName, containerId };
}

/**
 * Deletes the reservation of an entry that is gone, whichever sandbox of the interface it names: a takeover that failed or died half way
 * leaves one that names another sandbox than the entry did, and no release of either would match it.
 *
 * Every owner writes the entry before the reservation. So a reservation seen first, for which no pool then has an entry of its
 * interface, is nobody's; and it is deleted only as it was seen.
 */
export async function releaseLeftover({ ipam, overlaps, key, signal }: ReservedPool, gone: Allocation): Promise<void> {
  const { network, ip } = reservationOf(key, gone);
  const found = await retry((limit) => overlaps.find(network, ip, limit), ipam.clock, signal);
  if (!found || found.podRef !== gone.podRef || (found.ifName !== gone.ifName && found.ifName !== "")) return;
  const pools = await retry((limit) => ipam.driver.list(limit), ipam.clock, signal);
  const holds = pools.some(({ key: { cidr }, allocations }) => {
    const held = cidr.family === ip.family ? allocations.get(ip.value) : undefined;
    return held !== undefined && (sameInterface(held, gone) || sameInterface(held, found));
  });
  if (holds) return;
  ipam.log.info("Deleting a reservation that no entry stands for", {
    pool: formatPoolKey(key),
    address: formatIp(ip),
    holder: found.podRef,
  });
  await retry((limit) => overlaps.release(found, limit), ipam.clock, signal);
}
