/**
 * A range cut into slices, one a node: nodes then never meet in a pool.
 *
 * @module
 */
import { type Cidr, type Interval, overlap, span, within } from "../address/cidr.ts";
import { bits } from "../address/ip.ts";
import { mergeIntervals } from "../address/range.ts";

/** A slice and the node that has it. */
export interface Slice {
  /** The node; empty where the slice is free. */
  readonly node: string;
  /** The slice. */
  readonly cidr: Cidr;
}

/** Slices of a range that are listed one by one, at most: 2 to this power. Of a longer list only those that nodes have are listed. */
const MOST_LISTED_BITS = 10;

/** What a plan is made from. */
export interface SliceFacts {
  /** The whole range. */
  readonly range: Cidr;
  /** Prefix length of a slice. */
  readonly prefix: number;
  /** The nodes there are. */
  readonly nodes: readonly string[];
  /** The slices given so far. */
  readonly current: readonly Slice[];
  /** Whether addresses of a slice are allocated on its node. */
  readonly inUse: (slice: Slice) => boolean;
  /**
   * The lowest address at or above this one that may be allocated; undefined: none. A slice without such an address is not assigned.
   * Absent: all may.
   */
  readonly next?: (from: bigint) => bigint | undefined;
  /** Where others hold addresses: a slice that overlaps one of these is not assigned. In no order; they may overlap. */
  readonly occupied?: readonly Interval[];
}

/** Who shall have which slice. */
export interface SlicePlan {
  /** Every slice by address: those of nodes, and free ones where the list is short. */
  readonly slices: readonly Slice[];
  /** Nodes for which no slice is left. */
  readonly without: readonly string[];
}

/**
 * Reads a slice size: `/24` or `24`.
 *
 * @returns the prefix length; undefined where it is none, or a slice would be larger than the range
 */
export function slicePrefix(size: string, range: Cidr): number | undefined {
  const prefix = /^\/?(\d{1,3})$/.exec(size)?.[1];
  const length = Number(prefix);
  return prefix !== undefined && length >= range.prefix && length <= bits(range.family) ? length : undefined;
}

/**
 * Plans slices. A slice stays where it is as long as addresses of it are allocated, whatever the range, the size and the nodes are now; of
 * slices in use that overlap the widest one stays. Otherwise a node that exists keeps a slice that fits the range and the size. Nodes that have
 * none inside the range get one: lowest slice first, nodes by name.
 *
 * The time it takes grows with the nodes, the slices and what is occupied, not with the size of the range.
 */
export function planSlices(facts: SliceFacts): SlicePlan {
  const { range, prefix, nodes, occupied = [] } = facts;
  const kept = keptSlices(facts);
  const served = new Set(kept.filter(({ cidr }) => within(range, cidr)).map(({ node }) => node));
  const waiting = [...new Set(nodes)].filter((node) => !served.has(node)).sort();
  const own = kept.filter(({ cidr }) => cidr.family === range.family);
  const taken = [...own.map(({ cidr }) => span(cidr)), ...occupied];
  const free = freeSlices(range, prefix, mergeIntervals(taken), facts.next);
  const given: Slice[] = [];
  for (const node of waiting) {
    const next = free.next();
    if (next.done) break;
    given.push({ node, cidr: next.value });
  }
  const listed = prefix - range.prefix <= MOST_LISTED_BITS ? [...free].map((cidr) => ({ node: "", cidr })) : [];
  return { slices: [...kept, ...given, ...listed].sort(byAddress), without: waiting.slice(given.length) };
}

/** What stays where it is: nothing of it overlaps. */
function keptSlices({ range, prefix, nodes, current, inUse }: SliceFacts): Slice[] {
  const present = new Set(nodes);
  const candidates = current.filter(({ node }) => node !== "")
    .map((slice) => ({ slice, used: inUse(slice) }))
    .filter(({ slice: { node, cidr }, used }) =>
      used || (present.has(node) && cidr.prefix === prefix && within(range, cidr))
    )
    .sort((a, b) => byAddress(a.slice, b.slice));
  const kept: typeof candidates = [];
  for (const candidate of candidates) {
    const last = kept.at(-1); // slices are blocks, so of two that overlap the wider one comes first, and reaches over the other
    if (!last || !overlap(last.slice.cidr, candidate.slice.cidr)) kept.push(candidate);
    else if (candidate.used && !last.used) kept[kept.length - 1] = candidate;
  }
  const served = new Set(
    kept.filter(({ slice, used }) => used && within(range, slice.cidr)).map(({ slice }) => slice.node),
  );
  return kept.filter(({ slice: { node }, used }) => {
    if (used) return true;
    if (served.has(node)) return false;
    served.add(node);
    return true;
  }).map(({ slice }) => slice);
}

/** Lowest first, of one address the widest first; otherwise in the order that they came in. */
function byAddress({ cidr: a }: Slice, { cidr: b }: Slice): number {
  if (a.family !== b.family) return a.family - b.family;
  return a.base === b.base ? a.prefix - b.prefix : a.base < b.base ? -1 : 1;
}

/** The slices that overlap nothing taken and have an address to allocate, lowest first. */
function* freeSlices(
  range: Cidr,
  prefix: number,
  taken: readonly Interval[],
  next: SliceFacts["next"] = (from) => from,
): Generator<Cidr> {
  const size = 1n << BigInt(bits(range.family) - prefix);
  const { last } = span(range);
  const obstacles = taken[Symbol.iterator]();
  let obstacle = obstacles.next();
  let at = range.base;
  while (at <= last) {
    const address = next(at);
    if (address === undefined || address > last) return;
    const base = address - (address % size);
    while (!obstacle.done && obstacle.value.last < base) obstacle = obstacles.next();
    if (obstacle.done || obstacle.value.first > base + size - 1n) {
      yield { family: range.family, base, prefix };
      at = base + size;
    } else {
      const after = obstacle.value.last + 1n; // beyond the obstacle, at the next slice
      at = ((after + size - 1n) / size) * size;
    }
  }
}
