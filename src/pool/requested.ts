/**
 * Which range each requested address is of.
 *
 * @module
 */
import { contains } from "../address/cidr.ts";
import type { Ip } from "../address/ip.ts";
import { type IpRange, isCandidate } from "../address/range.ts";

/**
 * Gives each requested address to a range of its own: one that may allocate it, else one whose network contains it, so that the refusal says
 * why. Addresses outside all ranges, and those for which no range is left, are given to none.
 *
 * @returns one a range, in order of the ranges; undefined where nothing is requested of it
 */
export function requestedOf(ranges: readonly IpRange[], requested: readonly Ip[]): (bigint | undefined)[] {
  const given: (bigint | undefined)[] = ranges.map(() => undefined);
  const left = new Set(requested);
  const take = (fits: (range: IpRange, ip: Ip) => boolean) => {
    for (const ip of left) {
      const index = ranges.findIndex((range, i) =>
        given[i] === undefined && contains(range.cidr, ip) && fits(range, ip)
      );
      if (index < 0) continue;
      given[index] = ip.value;
      left.delete(ip);
    }
  };
  take((range, { value }) => isCandidate(range, value));
  take(() => true);
  return given;
}
