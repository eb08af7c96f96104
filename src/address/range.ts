/**
 * The addresses that a range may allocate: a CIDR, bounds inside it, and excludes.
 *
 * @module
 */
import { type Cidr, type Interval, span, usable } from "./cidr.ts";
import type { Ip } from "./ip.ts";

/** An order of free addresses: the lowest one, the next one after the last that was allocated, or a random one. */
export type Order = "lowest" | "rotate" | "random";

/** An aligned grid of blocks of one size. */
export interface BlockGrid {
  /** The prefix length of a block. */
  readonly prefix: number;
  /** Whether a node begins with a block of its own (`spread`), or with the lowest one. Default `lowest`. */
  readonly order?: BlockOrder;
}

/** An order of blocks. */
export type BlockOrder = "lowest" | "spread";

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
  /** The gateway of its addresses, if it has one of its own. */
  readonly gateway?: Ip;
  /** Gateways that are kept free. They are among the excludes; messages name them. Default none. */
  readonly keptFree?: readonly bigint[];
  /** The only addresses to allocate, in this order. Bounds and excludes apply to them too. Absent: `order` applies. */
  readonly picks?: readonly bigint[];
  /** The order in which free addresses are allocated. Default `lowest`. */
  readonly order?: Order;
  /** Milliseconds for which a released address rests before it is allocated to another owner. Absent: it does not rest. */
  readonly reuseAfter?: number;
  /** Whether network address, broadcast address and IPv4 addresses that end in `.0` are allocated like any other. Default false. */
  readonly l3?: boolean;
  /** The grid in whose pools its entries live. Absent: they live in the pool of the range, which fits in one block or is not divided. */
  readonly blocks?: BlockGrid;
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

/** The first and last address of a network that may be allocated. @param l3 whether these include network and broadcast address */
export function assignable(cidr: Cidr, l3 = false): Interval {
  return l3 ? span(cidr) : usable(cidr);
}

/** The range of a network without bounds and excludes: what a pool may allocate as far as is known without its networks. */
export function unboundedRange(cidr: Cidr): IpRange {
  return { cidr, ...usable(cidr), excludes: [] };
}

/**
 * Whether an IPv4 address ends in `.0` and is therefore never allocated, except in a /31 and a /32, where every address is usable, and where
 * the range allows it (`l3`).
 */
export function isZeroAddress({ cidr, l3 = false }: Pick<IpRange, "cidr" | "l3">, value: bigint): boolean {
  return !l3 && cidr.family === 4 && cidr.prefix < 31 && (value & 0xffn) === 0n;
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
  if (!range.picks) return lowestOf(range, inUse, from);
  const free = range.picks.filter((value) => value >= from && isAllowed(range, value) && !inUse(value));
  return free.reduce<bigint | undefined>((low, value) => low === undefined || value < low ? value : low, undefined);
}

/** The first free address of `picks`. @returns undefined if none is free, or the range has no picks */
export function firstPick(range: IpRange, inUse: (value: bigint) => boolean): bigint | undefined {
  return range.picks?.find((value) => isAllowed(range, value) && !inUse(value));
}

function lowestOf(range: IpRange, inUse: (value: bigint) => boolean, from: bigint): bigint | undefined {
  let next = from < range.first ? range.first : from;
  let exclude = firstEndingAt(range.excludes, next);
  while (next <= range.last) {
    const hole = range.excludes[exclude];
    if (hole && hole.first <= next) {
      next = hole.last + 1n;
      exclude++;
    } else if (isZeroAddress(range, next) || inUse(next)) next++;
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
  if (range.picks) return BigInt(new Set(range.picks.filter((value) => isAllowed(range, value))).size);
  let count = 0n;
  let next = range.first;
  for (const hole of range.excludes) {
    if (hole.last < next) continue;
    if (hole.first > range.last) break;
    if (hole.first > next) count += candidates(range, next, hole.first - 1n);
    next = hole.last + 1n;
  }
  return next <= range.last ? count + candidates(range, next, range.last) : count;
}

function candidates({ cidr, l3 = false }: IpRange, first: bigint, last: bigint): bigint {
  const all = last - first + 1n;
  if (l3 || cidr.family === 6 || cidr.prefix >= 31) return all;
  const zeros = (last >> 8n) - ((first + 0xffn) >> 8n) + 1n; // multiples of 256 in [first, last]
  return all - zeros;
}

/** Whether the range may allocate the address: inside the bounds, not excluded, not ending in `.0`, and one of its picks, if it has any. */
export function isCandidate(range: IpRange, value: bigint): boolean {
  return isAllowed(range, value) && (range.picks?.includes(value) ?? true);
}

/** Whether bounds and excludes allow the address. */
function isAllowed(range: IpRange, value: bigint): boolean {
  return lowestOf({ ...range, last: value <= range.last ? value : range.last }, () => false, value) === value;
}
