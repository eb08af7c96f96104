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

/** Ends the sleep of a limit that is disposed. Made once: an abort without a reason makes one, and a busy process starts thousands of limits. */
const DONE = new Error("The limit was disposed");

/**
 * Starts a limit.
 *
 * @param milliseconds until the signal aborts
 * @param reason what it aborts with; a function is asked when it does
 * @param parent a wider limit
 */
export function startDeadline(
  clock: Pick<World, "sleep">,
  milliseconds: number,
  reason: Error | (() => Error),
  parent?: AbortSignal,
): Deadline {
  const timer = new AbortController();
  const limit = new AbortController();
  const onParent = () => limit.abort(parent?.reason);
  if (parent?.aborted) onParent();
  else parent?.addEventListener("abort", onParent, { once: true });
  const onLate = () => limit.abort(typeof reason === "function" ? reason() : reason);
  clock.sleep(milliseconds, timer.signal).then(onLate, () => {});
  return {
    signal: limit.signal,
    [Symbol.dispose]: () => {
      timer.abort(DONE);
      parent?.removeEventListener("abort", onParent);
    },
  };
}
