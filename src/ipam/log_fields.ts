/**
 * Log fields of allocations: the same wherever an address is allocated or released, so that one search finds its history.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import { addressOf, type Entry, formatPoolKey } from "../pool/types.ts";
import type { LogFields } from "../world/log.ts";

/** `ip`, `pod`, `if`, `pool` and `container` of one attachment's entries. Several addresses and pools are separated by commas, in order. */
export function entryFields(entries: readonly Entry[]): LogFields {
  const [first] = entries;
  return {
    ip: entries.map((entry) => formatIp(addressOf(entry))).join(),
    pod: first?.allocation.podRef,
    if: first?.allocation.ifName,
    pool: entries.map(({ key }) => formatPoolKey(key)).join(),
    container: first?.allocation.containerId,
  };
}
