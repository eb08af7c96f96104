/**
 * What a driver reads of a pool.
 *
 * @module
 */
import type { Fence } from "../pool/fence.ts";
import type { Move } from "../pool/move.ts";
import type { PoolStatus } from "../pool/pool_status.ts";
import type { Reuse } from "../pool/reuse.ts";
import type { Allocations, PoolKey } from "../pool/types.ts";

/** The state of a pool at one moment. */
export interface PoolSnapshot {
  /** The pool. */
  readonly key: PoolKey;
  /** Every allocation that the driver can read. Everything else stays in the store unchanged. */
  readonly allocations: Allocations;
  /** Absent if the pool was never closed, or the store does not close pools. */
  readonly fence?: Fence;
  /**
   * Whether its allocations need reservations although their network may make none, since another network reserves addresses of an overlapping
   * range. A commit conflicts if an entry is written on a snapshot without it and the pool has it by then. Returned by a commit of releases,
   * it may also mean that the released entries had reservations. Absent: no, or the store has no reservations.
   */
  readonly mustReserve?: true;
  /** Its status as stored, for people. Absent: it has none, or the pool was not read by a list. */
  readonly status?: PoolStatus;
  /**
   * The controller of the original because of which the pool keeps no further address for an object (`Owner.keeper`), such as
   * `DaemonSet kube-system/whereabouts`. Absent: it keeps them.
   */
  readonly refusesKeepers?: string;
  /** Where its entries live if not here: in another pool, or in blocks. Absent: here, or the store supports neither. */
  readonly move?: Move;
  /**
   * The pool is a block of a divided range. A commit on a snapshot with it, as read or set by the caller, also records how many entries the
   * pool has then. Absent: it is none.
   */
  readonly block?: true;
  /** What the pool records about the reuse of its addresses. Absent if it records nothing, or was not read. */
  readonly reuse?: Reuse;
  /** The driver's own version of the pool: a commit on this snapshot compares it with the stored one. */
  readonly version: unknown;
}
