/**
 * Distributes requested addresses to ranges.
 *
 * @module
 */
import { contains } from "../address/cidr.ts";
import type { Ip } from "../address/ip.ts";
import { type IpRange, isCandidate } from "../address/range.ts";

/**
 * Matches each requested address with a range of its own: one that may allocate it, else one whose network contains it, so that the error
 * names the reason. Addresses outside all ranges, and those that find no unmatched range, are ignored.
 *
 * @returns one address per range, in the order of the ranges; undefined if none is requested of it
 */
export function requestedOf(ranges: readonly IpRange[], requested: readonly Ip[]): (bigint | undefined)[] {
  const matches: (bigint | undefined)[] = ranges.map(() => undefined);
  const unmatched = new Set(requested);
  const match = (fits: (range: IpRange, ip: Ip) => boolean) => {
    for (const ip of unmatched) {
      const index = ranges.findIndex((range, i) =>
        matches[i] === undefined && contains(range.cidr, ip) && fits(range, ip)
      );
      if (index < 0) continue;
      matches[index] = ip.value;
      unmatched.delete(ip);
    }
  };
  match((range, { value }) => isCandidate(range, value));
  match(() => true);
  return matches;
}
