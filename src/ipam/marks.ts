/**
 * Names for stored records exactly as they were seen: whatever changes gives a record another name.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import type { Duplicate } from "../pool/duplicates.ts";
import { type Allocation, formatPoolKey, type PoolKey } from "../pool/types.ts";
import type { Reservation } from "../storage/driver.ts";

/** Of an entry. */
export function entryMark(key: PoolKey, { address, podRef, ifName, containerId, uid = "" }: Allocation): string {
  return ["entry", formatPoolKey(key), address, podRef, ifName, containerId, uid].join(" ");
}

/** Of a reservation. */
export function reservationMark({ network, ip, podRef, ifName, containerId, token = "" }: Reservation): string {
  return ["reservation", network, formatIp(ip), podRef, ifName, containerId, token].join(" ");
}

/** Of an address with two owners. */
export function duplicateMark({ network, address, podRef, holder }: Duplicate): string {
  return ["duplicate", network, address, podRef, holder.podRef, holder.containerId].join(" ");
}
