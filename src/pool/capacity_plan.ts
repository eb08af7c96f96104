/**
 * Answers whether a network has enough addresses for so many pods and nodes, and what a change of its range does to live addresses. Pure.
 *
 * @module
 */
import { contains, formatCidr, overlap, span } from "../address/cidr.ts";
import { formatIp } from "../address/ip.ts";
import { capacity, type IpRange, isCandidate, lowestFree } from "../address/range.ts";
import { assignSlices, type Slice } from "./slice_assignment.ts";
import { type SlicePoolFacts, SlicePools } from "./slice_pools.ts";
import { formatPoolKey, type PoolKey } from "./types.ts";

/** A network as it is planned. */
export interface PlannedNetwork {
  /** `network_name`. */
  readonly network: string;
  /** Its ranges. */
  readonly ranges: readonly IpRange[];
  /** Prefix length of the node slices of each range. Absent: it has no slices. */
  readonly slicePrefixes?: readonly number[];
  /** Whether a pod gets an address of one range only. Default: of each. */
  readonly firstAvailable?: boolean;
  /** Whether its addresses are reserved in the whole cluster. */
  readonly reserves: boolean;
}

/** What a plan is made from. */
interface CapacityFacts {
  /** The pools of the store. */
  readonly pools: readonly SlicePoolFacts[];
  /** Names of the existing nodes. */
  readonly nodes: readonly string[];
  /** The stored slices, by the index of their range. */
  readonly slices: readonly (readonly Slice[])[];
}

/** How many pods and nodes the network shall serve. */
export interface Demand {
  /** Pods in total, those that exist included. */
  readonly pods: bigint;
  /** Nodes in total. */
  readonly nodes: number;
}

/** The node slices of a range. */
interface SlicePlan {
  /** Prefix length of a slice. */
  readonly prefix: number;
  /** Nodes that get no slice. */
  readonly withoutSlice: number;
  /** Addresses of the smallest slice of a node. */
  readonly perSlice: bigint;
  /** Pods of each node if they are spread evenly. */
  readonly perNode: bigint;
}

/** One range. */
export interface RangePlan {
  /** The range. */
  readonly range: string;
  /** Addresses that can be allocated. */
  readonly capacity: bigint;
  /** Of these, addresses in use by pools of the same domain. */
  readonly used: bigint;
  /** Addresses that the pods need. 0 if `firstAvailable` finds enough in the ranges before. */
  readonly needed: bigint;
  /** Addresses that are missing. */
  readonly short: bigint;
  /** Absent without slices. */
  readonly slices?: SlicePlan;
}

/** A live address. */
export interface LiveAddress {
  /** The address. */
  readonly address: string;
  /** Its pod. */
  readonly podRef: string;
  /** Its pool. */
  readonly pool: string;
}

/** Plans each range. */
export function planRanges(network: PlannedNetwork, demand: Demand, facts: CapacityFacts): RangePlan[] {
  let left = demand.pods;
  return network.ranges.map((range, i) => {
    const all = capacity(range);
    const isLast = i === network.ranges.length - 1;
    const needed = network.firstAvailable && !isLast && left > all ? all : left;
    if (network.firstAvailable) left -= needed;
    const prefix = network.slicePrefixes?.[i];
    return {
      range: formatCidr(range.cidr),
      capacity: all,
      used: BigInt(usedIn(network.network, range, facts.pools)),
      needed,
      short: needed > all ? needed - all : 0n,
      ...(prefix !== undefined &&
        { slices: planSlices(network, range, prefix, { ...demand, pods: needed }, facts, i) }),
    };
  });
}

/** Whether every pod gets its addresses, and every node its slices. */
export function fits(plans: readonly RangePlan[]): boolean {
  return plans.every(({ short, slices }) =>
    short === 0n && (!slices || (slices.withoutSlice === 0 && slices.perNode <= slices.perSlice))
  );
}

function usedIn(network: string, range: IpRange, pools: readonly SlicePoolFacts[]): number {
  const used = new Set<bigint>();
  for (const { key, allocations } of pools) {
    if (key.network !== network || !overlap(key.cidr, range.cidr)) continue;
    for (const address of allocations.keys()) if (isAllocable(range, address)) used.add(address);
  }
  return used.size;
}

/** Whether a range with these bounds may allocate the address. */
function isAllocable(range: IpRange, value: bigint): boolean {
  return contains(range.cidr, { family: range.cidr.family, value }) && isCandidate(range, value);
}

function planSlices(
  { network, reserves }: PlannedNetwork,
  range: IpRange,
  prefix: number,
  { pods, nodes: count }: Demand,
  { pools, nodes, slices }: CapacityFacts,
  index: number,
): SlicePlan {
  const names = nodesFor(count, nodes);
  const indexed = new SlicePools(pools, { nodes: new Set(nodes), networks: new Set([network]) });
  const { slices: assigned, without } = assignSlices({
    range: range.cidr,
    prefix,
    nodes: names,
    current: slices[index] ?? [],
    inUse: ({ node, cidr }) => indexed.isUsed({ network, node, cidr }),
    next: (from) => lowestFree(range, () => false, from),
    occupied: indexed.occupied({ network, cidr: range.cidr, prefix, reserves, members: [] }),
  });
  const own = assigned.filter(({ node, cidr }) => node !== "" && overlap(cidr, range.cidr));
  const sizes = own.map(({ cidr }) => capacity(clipped(range, cidr)));
  const perNode = count > 0 ? (pods + BigInt(count) - 1n) / BigInt(count) : 0n;
  const perSlice = sizes.reduce((min, size) => (size < min ? size : min), sizes[0] ?? 0n);
  return { prefix, withoutSlice: without.length, perSlice, perNode };
}

/** So many names of nodes: those that exist first. A name of a future node cannot be that of a present one. */
function nodesFor(count: number, nodes: readonly string[]): string[] {
  const sorted = nodes.toSorted();
  return Array.from({ length: count }, (_, i) => sorted[i] ?? ` new node ${i}`);
}

function clipped(range: IpRange, cidr: IpRange["cidr"]): IpRange {
  const { first, last } = span(cidr);
  return {
    ...range,
    first: first > range.first ? first : range.first,
    last: last < range.last ? last : range.last,
  };
}

/** What a change does to live addresses. */
export interface RangeChange {
  /** Outside of every new range: in use until their pods end. */
  readonly outside: readonly LiveAddress[];
  /** Inside a new range, but in a pool that the changed network does not read, and not reserved: it may allocate them again. */
  readonly unprotected: readonly LiveAddress[];
  /** Slices in use that do not have the new size: their nodes keep them until their pods end. */
  readonly slices: readonly { readonly node: string; readonly slice: string }[];
}

/** Compares a network with a changed one. */
export function changeOf(before: PlannedNetwork, after: PlannedNetwork, { pools, slices }: CapacityFacts): RangeChange {
  const isOf = ({ network, cidr }: PoolKey, { ranges, network: own }: PlannedNetwork) =>
    network === own && ranges.some((range) => overlap(range.cidr, cidr));
  const live = pools.filter(({ key }) => isOf(key, before)).flatMap(({ key, allocations }) =>
    [...allocations.values()].map((entry) => ({ key, value: entry.address, podRef: entry.podRef }))
  );
  const allows = (value: bigint, { cidr: { family } }: PoolKey) =>
    after.ranges.some((range) => range.cidr.family === family && isAllocable(range, value));
  const isRead = ({ cidr, node }: PoolKey) =>
    after.ranges.some((range) => formatCidr(range.cidr) === formatCidr(cidr)) ||
    (node !== undefined && after.slicePrefixes !== undefined);
  const shown = (some: typeof live): LiveAddress[] =>
    some.toSorted((a, b) => (a.value < b.value ? -1 : 1)).map(({ key, value, podRef }) => ({
      address: formatIp({ family: key.cidr.family, value }),
      podRef,
      pool: formatPoolKey(key),
    }));
  return {
    outside: shown(live.filter(({ key, value }) => !allows(value, key))),
    unprotected: after.reserves ? [] : shown(live.filter(({ key, value }) => allows(value, key) && !isRead(key))),
    slices: slices.flatMap((list, i) =>
      list.filter(({ node, cidr }) => {
        const isUsed = pools.some(({ key, allocations }) =>
          key.node === node && allocations.size > 0 && formatCidr(key.cidr) === formatCidr(cidr)
        );
        return node !== "" && isUsed && cidr.prefix !== after.slicePrefixes?.[i];
      }).map(({ node, cidr }) => ({ node, slice: formatCidr(cidr) }))
    ),
  };
}

/** Milliseconds of a day. */
export const DAY = 86_400_000;
/** Days from whose pods the present rate is taken. */
export const RATE_DAYS = 7;
/** Days beyond which no date is given. */
const MAX_DAYS = 36_500;

/**
 * When the free addresses are used up at a constant rate; undefined: not within a hundred years.
 *
 * @param perDay addresses per day that are allocated and stay
 * @param now in milliseconds since 1970
 */
export function fullAt(free: bigint, perDay: number, now: number): number | undefined {
  const days = perDay > 0 ? Number(free) / perDay : Infinity;
  return days > MAX_DAYS ? undefined : now + days * DAY;
}

/**
 * A rate that the mean growth of the last days cannot exceed: what was allocated since then and still exists, per day. Pods that were replaced
 * count too.
 *
 * @param started when the pod of each allocation started, in milliseconds since 1970
 */
export function highestRate(started: readonly number[], now: number): number {
  return started.filter((at) => at > now - RATE_DAYS * DAY).length / RATE_DAYS;
}
