/**
 * The addresses a network may hand out: a CIDR, bounds inside it, and what is excluded.
 *
 * @module
 */
import { type Cidr, type Interval, span } from "./cidr.ts";

/** What may be handed out of one configured range. */
export interface IpRange {
  /** The network; its prefix length is that of every answer. */
  readonly cidr: Cidr;
  /** The node's part of the network, where nodes have slices: the pool is the slice's. */
  readonly slice?: { readonly node: string; readonly cidr: Cidr };
  /** Lowest address to hand out. */
  readonly first: bigint;
  /** Highest address to hand out, inclusive. */
  readonly last: bigint;
  /** Never handed out: ascending, disjoint, not touching. Made by {@linkcode mergeIntervals}. */
  readonly excludes: readonly Interval[];
  /** The gateway, where it is kept free. It is among the excludes; it stands here for messages. */
  readonly gateway?: bigint;
}

/** Sorts intervals and joins those that overlap or touch. */
export function mergeIntervals(intervals: readonly Interval[]): Interval[] {
  const sorted = [...intervals].sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const merged: Interval[] = [];
  for (const next of sorted) {
    const top = merged.at(-1);
    if (top && next.first <= top.last + 1n) {
      if (next.last > top.last) merged[merged.length - 1] = { first: top.first, last: next.last };
    } else merged.push(next);
  }
  return merged;
}

/** Whether an IPv4 address that ends in `.0` is withheld: always, but in a /31 and a /32, whose every address is usable. */
export function isZeroAddress(cidr: Cidr, value: bigint): boolean {
  return cidr.family === 4 && cidr.prefix < 31 && (value & 0xffn) === 0n;
}

/**
 * The lowest address of the range, from `from` upwards, that is not taken.
 *
 * Excluded intervals are jumped, so the cost depends on what is taken and excluded, never on the size of the range.
 *
 * @returns the address, or undefined where the range has none left
 */
export function lowestFree(
  range: IpRange,
  taken: (value: bigint) => boolean,
  from: bigint = range.first,
): bigint | undefined {
  let next = from < range.first ? range.first : from;
  let exclude = firstEndingAt(range.excludes, next);
  while (next <= range.last) {
    const hole = range.excludes[exclude];
    if (hole && hole.first <= next) {
      next = hole.last + 1n;
      exclude++;
    } else if (isZeroAddress(range.cidr, next) || taken(next)) next++;
    else return next;
  }
  return undefined;
}

/** Index of the first interval whose end is at or above the value. */
function firstEndingAt(intervals: readonly Interval[], value: bigint): number {
  let low = 0;
  let high = intervals.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const interval = intervals[middle];
    if (interval && interval.last < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How many addresses the range can hand out in all, taken or not. */
export function capacity(range: IpRange): bigint {
  let count = 0n;
  let next = range.first;
  for (const hole of range.excludes) {
    if (hole.last < next) continue;
    if (hole.first > range.last) break;
    if (hole.first > next) count += candidates(range.cidr, next, hole.first - 1n);
    next = hole.last + 1n;
  }
  return next <= range.last ? count + candidates(range.cidr, next, range.last) : count;
}

function candidates(cidr: Cidr, first: bigint, last: bigint): bigint {
  const all = last - first + 1n;
  if (cidr.family === 6 || cidr.prefix >= 31) return all;
  const zeros = (last >> 8n) - ((first + 0xffn) >> 8n) + 1n; // multiples of 256 in [first, last]
  return all - zeros;
}

/** Whether the address is inside the bounds and not excluded: one that a search would find if it were free. */
export function isCandidate(range: IpRange, value: bigint): boolean {
  return lowestFree({ ...range, last: value <= range.last ? value : range.last }, () => false, value) === value;
}

/** The range that is a whole CIDR's every address, for reading pools that no configuration speaks of. */
export function wholeRange(cidr: Cidr): IpRange {
  return { cidr, ...span(cidr), excludes: [] };
}
