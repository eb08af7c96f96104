/**
 * A closed pool gives no address any more: its slice may be another node's.
 *
 * Closing and opening write the epoch in which they were decided (a NodeSlicePool counts its assignments), and both numbers only grow. So
 * an opening that was decided before a closing has no effect when it arrives after it, and nobody who read the pool before either of them
 * commits after it.
 *
 * @module
 */

/** What a pool records of its closing and opening. */
export interface Fence {
  /** The epoch in which it was closed last. */
  readonly closed: number;
  /** The epoch in which it was opened last. 0: never. */
  readonly opened: number;
  /** Why a pool that belongs to no node is closed: one sentence for whoever asks for an address of it. */
  readonly reason?: string;
}

/** Whether a pool is closed: nothing is allocated in it. What it holds stays until it is released. */
export function isClosed(fence: Fence | undefined): fence is Fence {
  return fence !== undefined && fence.opened <= fence.closed;
}

/** The last epoch that a pool knows of. 0: none. */
export function epochOf(fence: Fence | undefined): number {
  return fence ? Math.max(fence.closed, fence.opened) : 0;
}
