/**
 * The addresses that a range may allocate: a CIDR, bounds inside it, and excludes.
 *
 * @module
 */
import type { Cidr, Interval } from "./cidr.ts";

/** One configured range. */
export interface IpRange {
  /** The network. Results have its prefix length. */
  readonly cidr: Cidr;
  /** The node's slice of the network, if nodes have slices: the pool covers the slice. */
  readonly slice?: { readonly node: string; readonly cidr: Cidr };
  /** Lowest address to allocate. */
  readonly first: bigint;
  /** Highest address to allocate, inclusive. */
  readonly last: bigint;
  /** Intervals never to allocate: ascending, disjoint, not adjacent. Build them with {@linkcode mergeIntervals}. */
  readonly excludes: readonly Interval[];
  /** The gateway, if it is kept free. It is one of the excludes; messages name it. */
  readonly gateway?: bigint;
}

/** Sorts intervals and joins those that overlap or are adjacent. */
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

/** Whether an IPv4 address ends in `.0` and is therefore never allocated, except in a /31 and a /32, where every address is usable. */
export function isZeroAddress(cidr: Cidr, value: bigint): boolean {
  return cidr.family === 4 && cidr.prefix < 31 && (value & 0xffn) === 0n;
}

/**
 * The lowest free address of the range, at or above `from`.
 *
 * It skips excluded intervals, so the cost depends on the addresses in use and the excludes, never on the size of the range.
 *
 * @returns the address; undefined if none is free
 */
export function lowestFree(
  range: IpRange,
  inUse: (value: bigint) => boolean,
  from: bigint = range.first,
): bigint | undefined {
  let next = from < range.first ? range.first : from;
  let exclude = firstEndingAt(range.excludes, next);
  while (next <= range.last) {
    const hole = range.excludes[exclude];
    if (hole && hole.first <= next) {
      next = hole.last + 1n;
      exclude++;
    } else if (isZeroAddress(range.cidr, next) || inUse(next)) next++;
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

/**
 * The number of addresses that the range can allocate in total.
 *
 * @example
 * ```ts
 * import { capacity, denoWorld, loadConfig } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * const ipam = { type: "whereabouts", datastore: "embedded", range: "10.0.0.0/24", exclude: ["10.0.0.0/25"] };
 * const { config } = await loadConfig(denoWorld(), { conf: { name: "lab", ipam } });
 * assert.deepEqual(config.ranges.map(capacity), [127n]);
 * ```
 */
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

/** Whether the range may allocate the address: inside the bounds, not excluded, and not ending in `.0`. */
export function isCandidate(range: IpRange, value: bigint): boolean {
  return lowestFree({ ...range, last: value <= range.last ? value : range.last }, () => false, value) === value;
}
