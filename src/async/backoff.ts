/**
 * Exponential back-off.
 *
 * @module
 */

/** Bounds of a back-off, in milliseconds. */
export interface Backoff {
  /** The delay without doubling. */
  readonly first: number;
  /** The longest delay. */
  readonly max: number;
}

/**
 * The delay before the next attempt, in milliseconds. Callers that must not wake at the same time multiply it with a random number.
 *
 * @param doublings how often the first delay is doubled: the failures so far, or one fewer
 */
export function backoff({ first, max }: Backoff, doublings: number): number {
  return Math.min(max, first * 2 ** doublings);
}
