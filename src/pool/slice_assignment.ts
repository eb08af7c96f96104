/**
 * Divides a range into slices and assigns one to each node, so that nodes never share a pool.
 *
 * @module
 */
import { type Cidr, type Interval, overlap, span, within } from "../address/cidr.ts";
import { bits } from "../address/ip.ts";
import { mergeIntervals } from "../address/range.ts";

/** A slice and the node that it is assigned to. */
export interface Slice {
  /** The node; empty if the slice is free. */
  readonly node: string;
  /** The slice. */
  readonly cidr: Cidr;
}

/** Whether nodes may take free slices of a list by themselves: true, or why not, as one clause. */
export type Elastic = true | string;

/** Free slices are listed if the range has at most 2 to this power of slices; otherwise only assigned ones are. */
const MAX_LISTED_BITS = 10;

/** Free slices that are listed for nodes to take, if not all are. Each costs 80 bytes of every read of the list. */
const SPARE_SLICES = 64;

/** The input of an assignment. */
export interface AssignmentFacts {
  /** The whole range. */
  readonly range: Cidr;
  /** Prefix length of a slice. */
  readonly prefix: number;
  /** Names of the existing nodes. */
  readonly nodes: readonly string[];
  /** The current slices. */
  readonly current: readonly Slice[];
  /** Whether addresses of a slice are allocated on its node. */
  readonly inUse: (slice: Slice) => boolean;
  /**
   * The lowest address at or above this one that may be allocated; undefined: none. A slice without such an address is not assigned.
   * Absent: every address may be allocated.
   */
  readonly next?: (from: bigint) => bigint | undefined;
  /** Intervals in use by others: a slice that overlaps one is not assigned. Unsorted; they may overlap. */
  readonly occupied?: readonly Interval[];
  /**
   * Whether an unused slice was empty for long enough to be unassigned. Nodes may then have several slices: each keeps its last one, and
   * free ones are listed for them to take. Absent: a node has one slice.
   */
  readonly isIdle?: (slice: Slice) => boolean;
}

/** The assignment of slices to nodes. */
export interface SliceAssignment {
  /** The slices by address: assigned ones, and free ones up to a limit. */
  readonly slices: readonly Slice[];
  /** Nodes that get no slice because none is free. */
  readonly without: readonly string[];
}

/**
 * Reads a slice size: `/24` or `24`.
 *
 * @returns the prefix length; undefined if the text is invalid, or a slice would be larger than the range
 */
export function slicePrefix(size: string, range: Cidr): number | undefined {
  const prefix = /^\/?(\d{1,3})$/.exec(size)?.[1];
  const length = Number(prefix);
  return prefix !== undefined && length >= range.prefix && length <= bits(range.family) ? length : undefined;
}

/**
 * Assigns slices. A slice with allocated addresses keeps its node, even if range, size or nodes have changed; of overlapping slices in use the
 * widest one stays. A node that exists keeps an unused slice that fits range and size; several, if slices are elastic, until they are idle.
 * Nodes without a slice inside the range get one: lowest slice first, nodes by name.
 *
 * The running time depends on the numbers of nodes, slices and occupied intervals, not on the size of the range.
 */
export function assignSlices(facts: AssignmentFacts): SliceAssignment {
  const { range, prefix, nodes, occupied = [] } = facts;
  const kept = keptSlices(facts);
  const served = new Set(kept.filter(({ cidr }) => within(range, cidr)).map(({ node }) => node));
  const waiting = [...new Set(nodes)].filter((node) => !served.has(node)).sort();
  const own = kept.filter(({ cidr }) => cidr.family === range.family);
  const used = [...own.map(({ cidr }) => span(cidr)), ...occupied];
  const free = freeSlices(range, prefix, mergeIntervals(used), facts.next);
  const assigned: Slice[] = [];
  for (const node of waiting) {
    const next = free.next();
    if (next.done) break;
    assigned.push({ node, cidr: next.value });
  }
  const max = prefix - range.prefix <= MAX_LISTED_BITS ? Infinity : facts.isIdle ? SPARE_SLICES : 0;
  const listed = free.take(max).map((cidr) => ({ node: "", cidr }));
  return { slices: [...kept, ...assigned, ...listed].sort(byAddress), without: waiting.slice(assigned.length) };
}

/** The slices that keep their node. None of them overlap. */
function keptSlices({ range, prefix, nodes, current, inUse, isIdle }: AssignmentFacts): Slice[] {
  const present = new Set(nodes);
  const candidates = current.filter(({ node }) => node !== "")
    .map((slice) => ({ slice, used: inUse(slice) }))
    .filter(({ slice: { node, cidr }, used }) =>
      used || (present.has(node) && cidr.prefix === prefix && within(range, cidr))
    )
    .sort((a, b) => byAddress(a.slice, b.slice));
  const kept: typeof candidates = [];
  for (const candidate of candidates) {
    const last = kept.at(-1); // of two CIDRs that overlap, the wider one comes first and contains the other
    if (!last || !overlap(last.slice.cidr, candidate.slice.cidr)) kept.push(candidate);
    else if (candidate.used && !last.used) kept[kept.length - 1] = candidate;
  }
  const served = new Set(
    kept.filter(({ slice, used }) => within(range, slice.cidr) && (used || (isIdle && !isIdle(slice))))
      .map(({ slice }) => slice.node),
  );
  return kept.filter(({ slice, used }) => {
    const { node } = slice;
    if (used || (isIdle && !isIdle(slice))) return true;
    if (served.has(node)) return false;
    served.add(node);
    return true;
  }).map(({ slice }) => slice);
}

/** Lowest first; of the same address, widest first. */
function byAddress({ cidr: a }: Slice, { cidr: b }: Slice): number {
  if (a.family !== b.family) return a.family - b.family;
  return a.base === b.base ? a.prefix - b.prefix : a.base < b.base ? -1 : 1;
}

/** The slices that overlap no used interval and have an address to allocate, lowest first. */
function* freeSlices(
  range: Cidr,
  prefix: number,
  used: readonly Interval[],
  next: AssignmentFacts["next"] = (from) => from,
): Generator<Cidr> {
  const size = 1n << BigInt(bits(range.family) - prefix);
  const { last } = span(range);
  const obstacles = used[Symbol.iterator]();
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
      const after = obstacle.value.last + 1n;
      at = ((after + size - 1n) / size) * size; // the next slice boundary
    }
  }
}
