/**
 * A range cut into slices, one a node: nodes then never meet in a pool.
 *
 * @module
 */
import { type Cidr, contains, overlap, span } from "../address/cidr.ts";
import { bits } from "../address/ip.ts";

/** A slice and the node that has it. */
export interface Slice {
  /** The node; empty where the slice is free. */
  readonly node: string;
  /** The slice. */
  readonly cidr: Cidr;
}

/** Slices that are listed one by one, at most. Of a longer list only those that nodes have are kept. */
export const MOST_LISTED = 1_024;

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
  /** Whether addresses of a slice are allocated. */
  readonly inUse: (slice: Slice) => boolean;
  /** Whether a slice has addresses to give; one that bounds and excludes leave nothing of is not given. Absent: all have. */
  readonly usable?: (cidr: Cidr) => boolean;
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
 * Plans slices. A node keeps what it has as long as that fits the range and the size, or as long as addresses of it are allocated; so does
 * a node that is gone. What is left goes to nodes without, lowest slice first, nodes by name.
 */
export function planSlices({ range, prefix, nodes, current, inUse, usable = () => true }: SliceFacts): SlicePlan {
  const present = new Set(nodes);
  const kept: Slice[] = [];
  for (const slice of current) {
    if (slice.node === "" || !contains(range, { family: slice.cidr.family, value: slice.cidr.base })) continue;
    const fits = present.has(slice.node) && slice.cidr.prefix === prefix;
    const clear = !kept.some((other) => other.node === slice.node || overlap(other.cidr, slice.cidr));
    if (clear && (fits || inUse(slice))) kept.push(slice);
  }
  const served = new Set(kept.map(({ node }) => node));
  const waiting = [...present].filter((node) => !served.has(node)).sort();
  const free = freeSlices(range, prefix, kept).filter(usable);
  const given: Slice[] = [];
  for (const node of waiting) {
    const next = free.next();
    if (next.done) break;
    given.push({ node, cidr: next.value });
  }
  const listed = 1n << BigInt(prefix - range.prefix) <= BigInt(MOST_LISTED)
    ? [...free].map((cidr) => ({ node: "", cidr }))
    : [];
  return {
    slices: [...kept, ...given, ...listed].sort((a, b) => (a.cidr.base < b.cidr.base ? -1 : 1)),
    without: waiting.slice(given.length),
  };
}

/** The slices that overlap none of the taken ones, lowest first. */
function* freeSlices(range: Cidr, prefix: number, taken: readonly Slice[]): Generator<Cidr> {
  const size = 1n << BigInt(bits(range.family) - prefix);
  const sorted = taken.map(({ cidr }) => span(cidr)).sort((a, b) => (a.first < b.first ? -1 : 1));
  const { last } = span(range);
  let at = 0;
  for (let base = range.base; base <= last; base += size) {
    while (at < sorted.length && (sorted[at]?.last ?? 0n) < base) at++;
    const next = sorted[at];
    if (!next || next.first > base + size - 1n) yield { family: range.family, base, prefix };
  }
}
