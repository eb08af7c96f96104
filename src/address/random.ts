/**
 * A uniform choice among the free addresses of a range.
 *
 * @module
 */
import { capacity, type IpRange, isZeroAddress, mergeIntervals } from "./range.ts";

/** Returns numbers from 0 (inclusive) to 1, all equally likely. */
export type Random = () => number;

/** Bits of one random number that are used. */
const BITS = 32;
/** Draws before the free addresses are counted: if half of the range is free, 1 choice in 65,536 needs the count. */
const MAX_DRAWS = 16;

/**
 * A random free address of the range, each with the same probability. Picks of the range are not considered.
 *
 * The cost depends on the addresses in use and the excludes, never on the size of the range.
 *
 * @param inUse the addresses in use, each at least once
 * @returns the address; undefined if none is free
 */
export function randomFree(
  range: IpRange,
  isInUse: (value: bigint) => boolean,
  inUse: () => Iterable<bigint>,
  random: Random,
): bigint | undefined {
  const all = capacity(range);
  for (let draw = 0; draw < MAX_DRAWS && all > 0n; draw++) {
    const value = addressAt(range, randomBelow(all, random));
    if (!isInUse(value)) return value;
  }
  const excludes = mergeIntervals([...range.excludes, ...[...inUse()].map((value) => ({ first: value, last: value }))]);
  const free = { ...range, excludes };
  const count = capacity(free);
  return count > 0n ? addressAt(free, randomBelow(count, random)) : undefined;
}

/** A random integer from 0 (inclusive) to the limit. */
export function randomBelow(limit: bigint, random: Random): bigint {
  const length = BigInt(limit.toString(2).length);
  for (;;) {
    let value = 0n;
    for (let bits = 0n; bits < length; bits += BigInt(BITS)) {
      value = (value << BigInt(BITS)) | BigInt(Math.floor(random() * 2 ** BITS));
    }
    value &= (1n << length) - 1n; // a remainder instead would prefer low values
    if (value < limit) return value;
  }
}

/** The address with this index among those that the range can allocate. The index is below their number. */
export function addressAt(range: IpRange, index: bigint): bigint {
  let [left, next] = [index, range.first];
  for (const hole of range.excludes) {
    if (hole.last < next) continue;
    if (hole.first > next) {
      const count = capacity({ ...range, first: next, last: hole.first - 1n, excludes: [] });
      if (left < count) break;
      left -= count;
    }
    next = hole.last + 1n;
  }
  return skipZeros(range, next, left);
}

/** The address with this index at or above `first`, where no exclude follows. */
function skipZeros(range: IpRange, first: bigint, index: bigint): bigint {
  if (!isZeroAddress(range, 0n)) return first + index;
  const zerosTo = (value: bigint) => (value >> 8n) - ((first + 0xffn) >> 8n) + 1n; // multiples of 256 in [first, value]
  let value = first + index;
  for (let next = value + zerosTo(value); next !== value; next = first + index + zerosTo(value)) value = next;
  return value;
}
