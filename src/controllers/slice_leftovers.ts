/**
 * What slices leave behind: NodeSlicePools that nobody wants, pools of nodes that are gone, closed pools of ranges that are cut no more.
 *
 * @module
 */
import { Blocks } from "../address/blocks.ts";
import { type Cidr, type Interval, parseCidr, span } from "../address/cidr.ts";
import { mergeIntervals } from "../address/range.ts";
import { isClosed } from "../pool/fence.ts";
import type { NetworkRange, Refusal, SliceGroup } from "../pool/slice_networks.ts";
import type { Opening } from "../pool/slice_plan.ts";
import { pairKey, type SlicePools } from "../pool/slice_pools.ts";
import type { PoolKey } from "../pool/types.ts";
import type { StoredSlices } from "./cluster.ts";

/** A pool that is of no use. */
export interface UnusedPool {
  /** Which. */
  readonly key: PoolKey;
  /** Whether it keeps late calls of its node out, for as long as there may be any. */
  readonly fence: boolean;
  /** The epoch in which it was closed. Absent where it is open. */
  readonly closed?: number;
}

/** What slices there are. */
export interface Present {
  /** Names of nodes. */
  readonly nodes: readonly string[];
  /** The groups of networks that have slices. */
  readonly groups: readonly SliceGroup[];
  /** Networks whose slices are refused: they may be accepted later. */
  readonly refused: readonly Refusal<NetworkRange>[];
  /** NodeSlicePools that nobody wants, and that are in use. */
  readonly kept: readonly StoredSlices[];
}

/** Of the NodeSlicePools that nobody wants those of which nothing is in use, and the others. */
export function removals(
  pools: SlicePools | undefined,
  unwanted: readonly StoredSlices[],
): { readonly remove: readonly StoredSlices[]; readonly kept: readonly StoredSlices[] } {
  const inUse = (one: StoredSlices) =>
    one.slices.some((slice) =>
      slice.node !== "" && domainsOf(one).some((network) => pools?.isUsed({ network, ...slice }) ?? true)
    );
  const { remove = [], kept = [] } = Object.groupBy(unwanted, (one) => one.managed && !inUse(one) ? "remove" : "kept");
  return { remove, kept };
}

/** A list of another controller's does not say its domain: its name is that, or the domain is the unnamed one. */
function domainsOf({ network, name }: StoredSlices): readonly string[] {
  return network === undefined ? ["", name] : [network];
}

/** Empty pools of slices that no list names: fences that late calls may still meet, and what nodes that are gone left. */
export function unusedPools(
  { nodes, groups, refused, kept }: Present,
  pools: SlicePools,
  listed: ReadonlySet<string>,
): UnusedPool[] {
  const present = new Set(nodes);
  const dealt = areasOf([
    ...groups.map(({ network, cidr }) => [network, cidr] as const),
    ...refused.map(({ of: { network, range } }) => [network, range.cidr] as const),
    ...keptAreas(kept),
  ]);
  const named = new Set([
    ...listed,
    ...keptAreas(kept).map(([network, cidr, node]) => pairKey(network, { node, cidr })),
  ]);
  return [...pools.all()].flatMap(({ key, allocations, fence }): UnusedPool[] => {
    const { node, cidr, network } = key;
    if (node === undefined || allocations.size > 0 || named.has(pairKey(network, { node, cidr }))) return [];
    if (isClosed(fence)) return [{ key, fence: true, closed: fence.closed }];
    return present.has(node) || dealt(key) ? [] : [{ key, fence: false }];
  });
}

/**
 * Pools without a node that were closed beside slices which are gone: no list is there any more, and none will be. The lists must have been
 * read after the pools: a list is there before a pool is closed beside it, so a pool that was closed since is no longer as it was read.
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

/** Whether a pool overlaps one of these. */
function areasOf(areas: readonly (readonly [network: string, cidr: Cidr, node?: string])[]): (key: PoolKey) => boolean {
  const domainOf = (network: string, { family }: Cidr) => `${family} ${network}`;
  const blocks = new Map<string, Blocks<Interval>>();
  for (const [domain, ofDomain] of Map.groupBy(areas, ([network, cidr]) => domainOf(network, cidr))) {
    blocks.set(domain, new Blocks(mergeIntervals(ofDomain.map(([, cidr]) => span(cidr)))));
  }
  return ({ network, cidr }) => blocks.get(domainOf(network, cidr))?.overlapping(span(cidr)) !== undefined;
}
