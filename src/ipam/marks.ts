/**
 * Identifiers of stored records in their exact state: a changed record has another identifier.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import type { Duplicate } from "../pool/duplicates.ts";
import { type Allocation, formatPoolKey, type PoolKey } from "../pool/types.ts";
import type { Reservation } from "../storage/driver.ts";

/** The identifier of an entry. */
export function entryMark(key: PoolKey, allocation: Allocation): string {
  const { address, podRef, ifName, containerId, uid = "", keeper, former } = allocation;
  const kept = [keeper?.uid ?? "", former?.containerId ?? ""];
  return ["entry", formatPoolKey(key), address, podRef, ifName, containerId, uid, ...kept].join(" ");
}

/** The identifier of a reservation. */
export function reservationMark(reservation: Reservation): string {
  const { network, ip, podRef, ifName, containerId, token = "", keeper } = reservation;
  return ["reservation", network, formatIp(ip), podRef, ifName, containerId, token, keeper?.uid ?? ""].join(" ");
}

/** The identifier of an address with two owners. */
export function duplicateMark({ network, address, podRef, holder }: Duplicate): string {
  return ["duplicate", network, address, podRef, holder.podRef, holder.containerId].join(" ");
}
