/**
 * The pools to which the entries of another one have moved.
 *
 * @module
 */
import { type Cidr, formatCidr } from "../address/cidr.ts";
import type { Ip } from "../address/ip.ts";
import type { IpRange } from "../address/range.ts";
import { MAX_MOVES, movedRange, otherRanges } from "../pool/move.ts";
import { formatPoolKey, type PoolKey } from "../pool/types.ts";
import type { PoolSnapshot, StorageDriver } from "../storage/driver.ts";
import { allocateError } from "./errors.ts";

/** Max visits of one pool by a call. */
const MAX_VISITS = 2;

/**
 * Works on pools, then on each other pool that may have their entries. While entries move, it comes to both pools, and once more to the first
 * of them: an entry may have been written there after it was read, and removed from the second before that was.
 *
 * @param work returns the ranges of the other pools; empty if the entries of this one have not moved
 */
export async function followMoves(
  keys: readonly PoolKey[],
  work: (key: PoolKey) => Promise<readonly Cidr[]>,
): Promise<void> {
  let level = keys;
  const visits = new Map<string, number>();
  for (let moves = 0; level.length > 0 && moves < MAX_MOVES; moves++) {
    const next = new Map<string, PoolKey>();
    for (const key of level) {
      const name = formatPoolKey(key);
      const count = (visits.get(name) ?? 0) + 1;
      if (count > MAX_VISITS) continue;
      visits.set(name, count);
      for (const cidr of await work(key)) next.set(formatCidr(cidr), { network: key.network, cidr });
    }
    level = [...next.values()];
  }
}

/**
 * Pools, then the other ones that may have their entries at some addresses. An entry stays in a former one if its address has another owner in
 * the next.
 */
export async function readMoved(
  driver: StorageDriver,
  keys: readonly PoolKey[],
  addresses: readonly Ip[],
  signal: AbortSignal,
): Promise<PoolSnapshot[]> {
  const pools: PoolSnapshot[] = [];
  await followMoves(keys, async (at) => {
    const pool = await driver.read(at, signal);
    pools.push(pool);
    return otherRanges(pool.move, addresses);
  });
  return pools;
}

/** A pool, and what an ADD may allocate from it. */
export interface AllocatingPool {
  /** The pool. */
  readonly key: PoolKey;
  /** The addresses. */
  readonly range: IpRange;
  /** Whether the call wrote an entry to a former pool. Default false. */
  readonly isRetry?: boolean;
}

/**
 * The pool to which the entries of another one have moved, for a network that still has the former range.
 *
 * @param isRetry whether the call wrote an entry to the former pool
 * @throws {RefusedError} it has no address of that range
 */
export function movedPool({ key, range }: AllocatingPool, to: Cidr, isRetry = false): AllocatingPool {
  const moved = movedRange(range, to);
  if (!moved) throw allocateError(key, range, { kind: "moved", to });
  return { key: { network: key.network, cidr: to }, range: moved, isRetry };
}
