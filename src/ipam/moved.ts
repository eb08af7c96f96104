/**
 * The pools to which the entries of another one have moved.
 *
 * @module
 */
import type { Cidr } from "../address/cidr.ts";
import type { IpRange } from "../address/range.ts";
import { MAX_MOVES, movedRange, movedTo } from "../pool/move.ts";
import type { PoolKey } from "../pool/types.ts";
import type { PoolSnapshot, StorageDriver } from "../storage/driver.ts";
import { allocateError } from "./errors.ts";

/**
 * Works on a pool, then on each pool to which its entries move, or have moved.
 *
 * @param work returns the range of the next pool; undefined if the entries of this one have not moved
 */
export async function followMoves(key: PoolKey, work: (key: PoolKey) => Promise<Cidr | undefined>): Promise<void> {
  let at: PoolKey | undefined = key;
  for (let moves = 0; at && moves < MAX_MOVES; moves++) {
    const cidr = await work(at);
    at = cidr && { network: key.network, cidr };
  }
}

/** A pool, then those to which its entries have moved. An entry stays in a former one if its address has another owner in the next. */
export async function readMoved(driver: StorageDriver, key: PoolKey, signal: AbortSignal): Promise<PoolSnapshot[]> {
  const pools: PoolSnapshot[] = [];
  await followMoves(key, async (at) => {
    const pool = await driver.read(at, signal);
    pools.push(pool);
    return movedTo(pool.move);
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
