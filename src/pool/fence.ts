/**
 * Closing a pool: a closed pool allocates nothing, because its slice may belong to another node.
 *
 * Closing and opening write the epoch in which they were decided (a NodeSlicePool counts its assignments), and both numbers only grow. An
 * opening that was decided before a closing therefore has no effect when it is written after it. Both change the pool, so a commit on an
 * earlier read conflicts.
 *
 * @module
 */

/** The epochs in which a pool was closed and opened. */
export interface Fence {
  /** The epoch in which it was last closed. */
  readonly closed: number;
  /** The epoch in which it was last opened. 0: never. */
  readonly opened: number;
  /** Why a pool that belongs to no node is closed: one sentence, for the error of an ADD. */
  readonly reason?: string;
}

/** Whether a pool is closed: it allocates nothing, and its entries stay until they are released. */
export function isClosed(fence: Fence | undefined): fence is Fence {
  return fence !== undefined && fence.opened <= fence.closed;
}

/** The latest epoch that a pool records. 0: none. */
export function epochOf(fence: Fence | undefined): number {
  return fence ? Math.max(fence.closed, fence.opened) : 0;
}
