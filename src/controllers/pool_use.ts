/**
 * How full pools are.
 *
 * @module
 */
import { usable } from "../address/cidr.ts";
import { capacity, type IpRange } from "../address/range.ts";
import { narrowed } from "../ipam/slices.ts";
import type { Orphan, PoolFacts } from "../pool/orphans.ts";
import { formatPoolKey, type PoolKey } from "../pool/types.ts";
import { type Network, usersOf } from "./networks.ts";

/** One pool's use. */
export interface PoolUse {
  /** Which. */
  readonly key: PoolKey;
  /** Addresses allocated. */
  readonly allocations: number;
  /** Addresses that can be allocated in all; of a network that is not known, every usable address of its range. */
  readonly capacity: number;
  /** Addresses left. */
  readonly free: number;
}

/** Counts. Bounds and excludes are those of the first network that uses a pool. */
export function usesOf(pools: readonly PoolFacts[], networks: readonly Network[]): PoolUse[] {
  return pools.map(({ key, allocations }) => {
    const [user] = usersOf(networks, key);
    const whole: IpRange = { cidr: key.cidr, ...usable(key.cidr), excludes: [] };
    const all = Number(capacity(user ? narrowed(user.range, key.node ?? "", key.cidr) : whole));
    return { key, allocations: allocations.size, capacity: all, free: Math.max(0, all - allocations.size) };
  });
}

/** The uses once these were freed. */
export function without(uses: readonly PoolUse[], freed: readonly Orphan[]): PoolUse[] {
  const counts = Map.groupBy(freed, ({ key }) => formatPoolKey(key));
  return uses.map((use) => {
    const count = counts.get(formatPoolKey(use.key))?.length ?? 0;
    return { ...use, allocations: use.allocations - count, free: Math.min(use.capacity, use.free + count) };
  });
}
