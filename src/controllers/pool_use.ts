/**
 * Counts allocated and free addresses of pools.
 *
 * @module
 */
import { capacity, unboundedRange } from "../address/range.ts";
import { narrowed } from "../ipam/node_slice.ts";
import { isBlockOf } from "../pool/grid.ts";
import { entriesOf, type Orphan, type PoolFacts } from "../pool/orphans.ts";
import type { PodFacts } from "../pool/pod_facts.ts";
import { mayBeUsed } from "../pool/pod_owner.ts";
import { formatPoolKey, type Keeper, type PoolKey } from "../pool/types.ts";
import { freeOf, type PoolStatus } from "../pool/pool_status.ts";
import type { PoolSnapshot } from "../storage/driver.ts";
import { type Network, usersOf } from "./networks.ts";

/** The usage of one pool. */
export interface PoolUse {
  /** The pool. */
  readonly key: PoolKey;
  /** Addresses allocated. */
  readonly allocations: number;
  /** Addresses that can be allocated; without a known network, every usable address of the range. */
  readonly capacity: bigint;
  /** Addresses that are free. */
  readonly free: bigint;
  /** Its status as stored. Absent: it has none. */
  readonly status?: PoolStatus;
}

/** The number of allocated addresses of a pool. */
export type PoolCount = Pick<PoolUse, "key" | "allocations" | "status">;

/** Counts the allocations of each pool. */
export function countsOf(pools: readonly (PoolFacts & Pick<PoolSnapshot, "status">)[]): PoolCount[] {
  return pools.map(({ key, allocations, status }) => ({
    key,
    allocations: allocations.size,
    ...(status && { status }),
  }));
}

/** The number of addresses that keepers of a kind keep, in a state of their owner. */
export interface KeptCount {
  /** The kind of the keepers. */
  readonly keeper: Keeper["kind"];
  /** Whether a pod uses the addresses, or may still use them. */
  readonly state: "in_use" | "stopped";
  /** How many. */
  readonly count: number;
}

/**
 * Counts the kept addresses. Empty without any. A pod that has ended uses none, as `whereabouts claims` lists it.
 *
 * @param find a pod of the cluster; undefined: it does not exist
 */
export function keptBy(
  pools: readonly PoolFacts[],
  freed: readonly Orphan[],
  find: (podRef: string) => PodFacts | undefined,
): KeptCount[] {
  const gone = new Set(freed.map(({ allocation }) => allocation));
  const kept = entriesOf(pools).map(({ allocation }) => allocation).filter((one) => one.keeper && !gone.has(one))
    .toArray();
  return (["IPAMClaim", "StatefulSet"] as const).flatMap((keeper) => {
    const ofKind = kept.filter((one) => one.keeper?.kind === keeper);
    const inUse = ofKind.filter((entry) => mayBeUsed(entry, find)).length;
    if (ofKind.length === 0) return [];
    return [{ keeper, state: "in_use", count: inUse }, { keeper, state: "stopped", count: ofKind.length - inUse }];
  });
}

/** Adds capacity and free addresses. Bounds and excludes are those of the first network that uses a pool. */
export function usesOf(counts: readonly PoolCount[], networks: readonly Network[]): PoolUse[] {
  return counts.map((count) => {
    const { key, allocations } = count;
    const [user] = usersOf(networks, key);
    const all = capacity(user ? narrowed(user.range, key.node ?? "", key.cidr) : unboundedRange(key.cidr));
    return { ...count, capacity: all, free: freeOf(all, allocations) };
  });
}

/**
 * The usage of ranges: that of a divided range is the sum of its blocks, under the key of the range, and so is that of elastic slices. A full
 * block is no event, since pods get addresses of the next; nor is a full slice, since its node takes another one or borrows.
 */
export function perRange(uses: readonly PoolUse[], networks: readonly Network[]): PoolUse[] {
  const ranges = Map.groupBy(uses, ({ key }) => formatPoolKey(rangeKeyOf(networks, key)));
  return [...ranges.values()].flatMap((all) => {
    const [first] = all;
    const key = first && rangeKeyOf(networks, first.key);
    const [range] = usesOf(
      key ? [{ key, allocations: all.reduce((sum, one) => sum + one.allocations, 0) }] : [],
      networks,
    );
    return first && range && formatPoolKey(first.key) !== formatPoolKey(range.key) ? [range] : all;
  });
}

/** The key of the range to which a block or an elastic slice belongs; of another pool, its own. */
function rangeKeyOf(networks: readonly Network[], key: PoolKey): PoolKey {
  const [user] = usersOf(networks, key);
  const isElastic = key.node !== undefined && user?.network.config.nodeSliceElastic;
  return user && (isElastic || isBlockOf(user.range, key.cidr)) ? { network: key.network, cidr: user.range.cidr } : key;
}

/** The counts after these entries were freed. */
export function without(counts: readonly PoolCount[], freed: readonly Orphan[]): PoolCount[] {
  const byPool = Map.groupBy(freed, ({ key }) => formatPoolKey(key));
  return counts.map((count) => ({
    ...count,
    allocations: Math.max(0, count.allocations - (byPool.get(formatPoolKey(count.key))?.length ?? 0)),
  }));
}
