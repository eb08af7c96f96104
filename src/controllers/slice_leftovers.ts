/**
 * Finds what slices leave behind: NodeSlicePools without a network, pools of deleted nodes, closed pools of ranges without slices.
 *
 * @module
 */
import { Blocks } from "../address/blocks.ts";
import { type Cidr, type Interval, parseCidr, span } from "../address/cidr.ts";
import { mergeIntervals } from "../address/range.ts";
import { epochOf, isClosed } from "../pool/fence.ts";
import type { NetworkRange, Refusal, SliceGroup } from "../pool/slice_networks.ts";
import type { Slice } from "../pool/slice_assignment.ts";
import type { Closing, Opening } from "../pool/slice_plan.ts";
import { pairKey, type SlicePools } from "../pool/slice_pools.ts";
import type { PoolKey } from "../pool/types.ts";
import type { StoredSlices } from "./cluster.ts";
import { domainsOf } from "./slice_lists.ts";

/** An empty pool that no slice needs. */
export interface UnusedPool {
  /** The pool. */
  readonly key: PoolKey;
  /** Whether it is closed to fence off calls of its node that may still be in flight. */
  readonly fence: boolean;
  /** The epoch in which it was closed. Absent if it is open. */
  readonly closed?: number;
}

/** The slices that exist. */
interface Present {
  /** Names of nodes. */
  readonly nodes: readonly string[];
  /** The groups of networks with slices. */
  readonly groups: readonly SliceGroup[];
  /** Networks whose slices are refused: they may be accepted later. */
  readonly refused: readonly Refusal<NetworkRange>[];
  /** NodeSlicePools without a network, whose slices are in use. */
  readonly kept: readonly StoredSlices[];
}

/** A list without a network from which nodes may still allocate: its unused slices are closed and removed from it. */
export interface Withdrawal {
  /** The list. */
  readonly list: StoredSlices;
  /** Pools to close first. */
  readonly close: readonly Closing[];
  /** Its slices that are in use. */
  readonly slices: readonly Slice[];
  /** The epoch. */
  readonly epoch: number;
}

/**
 * Divides the NodeSlicePools without a network into those to remove, which have no slices of nodes, and those to keep. Of the latter, slices are
 * withdrawn that are not in use: a node that read the list before may be about to allocate from its slice.
 *
 * @param assigned the slices that networks have, by {@linkcode pairKey}
 */
export function removals(
  pools: SlicePools | undefined,
  unwanted: readonly StoredSlices[],
  assigned: ReadonlySet<string>,
): {
  readonly remove: readonly StoredSlices[];
  readonly kept: readonly StoredSlices[];
  readonly withdraw: readonly Withdrawal[];
} {
  const isUsed = (one: StoredSlices, slice: Slice) =>
    domainsOf(one).some((network) => pools?.isUsed({ network, ...slice }) ?? true);
  const withdraw = unwanted.flatMap((list): Withdrawal[] => {
    const { network, elastic } = list;
    if (network === undefined) return []; // another controller's: its nodes know no closing
    const owned = list.slices.filter(({ node }) => node !== "");
    const lost = owned.filter((slice) => !isUsed(list, slice));
    if (elastic === undefined && lost.length === 0) return [];
    const epoch = list.epoch + 1;
    const close = lost.filter((slice) => !assigned.has(pairKey(network, slice))).flatMap((slice): Closing[] => {
      const key = { network, ...slice };
      const pool = pools?.find(key);
      return isClosed(pool?.fence) ? [] : [{ key, pool, closed: Math.max(epoch, epochOf(pool?.fence) + 1) }];
    });
    return [{ list, close, slices: owned.filter((slice) => isUsed(list, slice)), epoch }];
  });
  const withdrawn = new Set(withdraw.map(({ list }) => list));
  const mayRemove = (one: StoredSlices) =>
    one.managed && !withdrawn.has(one) && !one.slices.some((slice) => slice.node !== "" && isUsed(one, slice));
  const { remove = [], kept = [] } = Object.groupBy(unwanted, (one) => mayRemove(one) ? "remove" : "kept");
  return { remove, kept, withdraw };
}

/** Empty pools of slices that no list contains: fences that calls in flight may still meet, and pools of deleted nodes. */
export function unusedPools(
  { nodes, groups, refused, kept }: Present,
  pools: SlicePools,
  listed: ReadonlySet<string>,
): UnusedPool[] {
  const present = new Set(nodes);
  const sliced = areasOf([
    ...groups.map(({ network, cidr }) => [network, cidr] as const),
    ...refused.map(({ of: { network, range } }) => [network, range.cidr] as const),
    ...keptAreas(kept),
  ]);
  const needed = new Set([
    ...listed,
    ...keptAreas(kept).map(([network, cidr, node]) => pairKey(network, { node, cidr })),
  ]);
  return [...pools.all()].flatMap(({ key, allocations, fence }): UnusedPool[] => {
    const { node, cidr, network } = key;
    if (node === undefined || allocations.size > 0 || needed.has(pairKey(network, { node, cidr }))) return [];
    if (isClosed(fence)) return [{ key, fence: true, closed: fence.closed }];
    return present.has(node) || sliced(key) ? [] : [{ key, fence: false }];
  });
}

/**
 * Pools without a node that were closed because of slices that no longer exist, and that no group demands. The lists must have been read after
 * the pools: a list is created before a pool is closed because of it, so a pool that was closed since has another version than the one read.
 */
export function reopenings(
  stored: readonly StoredSlices[],
  groups: readonly SliceGroup[],
  pools: SlicePools,
): readonly Opening[] {
  const lists = stored.filter(({ refused }) => refused === undefined);
  const ranges = lists.flatMap((one) => {
    const whole = parseCidr(one.range)?.cidr;
    return whole ? domainsOf(one).map((network) => [network, whole] as const) : [];
  });
  const cut = groups.map(({ network, cidr }) => [network, cidr] as const);
  const needed = areasOf([...ranges, ...cut, ...keptAreas(stored)]);
  return [...pools.all()].flatMap((pool) => {
    const { key, fence } = pool;
    return key.node === undefined && isClosed(fence) && !needed(key) ? [{ pool, opened: fence.closed + 1 }] : [];
  });
}

function keptAreas(kept: readonly StoredSlices[]): (readonly [network: string, cidr: Cidr, node: string])[] {
  return kept.flatMap((one) =>
    domainsOf(one).flatMap((network) =>
      one.slices.filter(({ node }) => node !== "").map(({ cidr, node }) => [network, cidr, node] as const)
    )
  );
}

/** Returns whether a pool overlaps one of the areas. */
function areasOf(areas: readonly (readonly [network: string, cidr: Cidr, node?: string])[]): (key: PoolKey) => boolean {
  const domainOf = (network: string, { family }: Cidr) => `${family} ${network}`;
  const blocks = new Map<string, Blocks<Interval>>();
  for (const [domain, ofDomain] of Map.groupBy(areas, ([network, cidr]) => domainOf(network, cidr))) {
    blocks.set(domain, new Blocks(mergeIntervals(ofDomain.map(([, cidr]) => span(cidr)))));
  }
  return ({ network, cidr }) => blocks.get(domainOf(network, cidr))?.overlapping(span(cidr)) !== undefined;
}
