/**
 * The pool that allocates for a range whose entries have moved.
 *
 * @module
 */
import type { Cidr } from "../address/cidr.ts";
import type { IpRange } from "../address/range.ts";
import { movedRange } from "../pool/move.ts";
import type { PoolKey } from "../pool/types.ts";
import { allocateError } from "./errors.ts";

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
