/**
 * The entries of an attachment: as its node records them, and as log lines show them.
 *
 * @module
 */
import { contains } from "../address/cidr.ts";
import { type IpRange, unboundedRange } from "../address/range.ts";
import type { IpamConfig } from "../config/types.ts";
import { addressOf, type Entry, formatPoolKey, type PoolKey } from "../pool/types.ts";
import { formatIp } from "../address/ip.ts";
import type { LogFields } from "../world/log.ts";

/** One entry of an attachment. */
export interface RecordedEntry extends Entry {
  /** Whether ADD made a cluster-wide reservation. Absent if unknown: the record is older. */
  readonly reserved?: boolean;
  /** The reservation's token. Absent without a reservation, or if the store has no tokens. */
  readonly token?: string;
  /** Whether its pool is a block of a divided range. Absent: it is that of a range. */
  readonly block?: true;
  /** Milliseconds for which the address rests after its release, as its network configures it now. Not stored. Absent: as its pool records. */
  readonly reuseAfter?: number;
}

/** The entries with the rests that these ranges configure for their addresses. */
export function withRests(entries: readonly RecordedEntry[], ranges: readonly IpRange[]): RecordedEntry[] {
  return entries.map((entry) => {
    const range = ranges.find(({ cidr }) => contains(cidr, addressOf(entry)));
    return range?.reuseAfter === undefined ? entry : { ...entry, reuseAfter: range.reuseAfter };
  });
}

/** The part of a configuration that selects exactly these pools and reservations. */
export function rangesOf(
  entries: readonly RecordedEntry[],
): Pick<IpamConfig, "networkName" | "ranges" | "overlapping"> {
  return {
    networkName: entries[0]?.key.network ?? "",
    ranges: rangesOfPools(entries.map(({ key }) => key)),
    overlapping: entries.some(({ reserved, token }) => reserved ?? token !== undefined),
  };
}

/** A range for each of these pools, which selects exactly it. */
export function rangesOfPools(pools: readonly PoolKey[]): IpRange[] {
  return pools.map(({ cidr, node }) => ({
    ...unboundedRange(cidr),
    ...(node !== undefined && { slice: { node, cidr } }),
  }));
}

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
