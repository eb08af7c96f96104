/**
 * Limits in time that leave no timer behind.
 *
 * @module
 */
import type { World } from "./world.ts";

/** A running limit. Dispose it when the work is done. */
export interface Deadline extends Disposable {
  /** Aborts when the time is up, or when the parent aborts. */
  readonly signal: AbortSignal;
}

/**
 * Starts a limit.
 *
 * @param milliseconds until the signal aborts
 * @param reason what it aborts with
 * @param parent a wider limit
 */
export function startDeadline(
  clock: Pick<World, "sleep">,
  milliseconds: number,
  reason: Error,
  parent?: AbortSignal,
): Deadline {
  const done = new AbortController();
  const late = new AbortController();
  clock.sleep(milliseconds, done.signal).then(() => late.abort(reason), () => {});
  return {
    signal: parent ? AbortSignal.any([parent, late.signal]) : late.signal,
    [Symbol.dispose]: () => done.abort(),
  };
}
