/**
 * Deadlines that leave no timer behind.
 *
 * @module
 */

/** A running deadline. Dispose it when the work is done. */
interface Deadline extends Disposable {
  /** Aborts when the timeout has passed, or when the parent aborts. */
  readonly signal: AbortSignal;
  /** Starts the timeout again: the work has made progress. */
  restart(): void;
}

/** What a deadline needs of the machine. */
export interface Sleeper {
  /** Resolves after the milliseconds, or rejects with the signal's reason if that aborts first. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** Ends the timer of a disposed deadline. One constant: an abort without a reason would create an error for each of thousands of deadlines. */
const DISPOSED = new Error("The deadline was disposed");

/**
 * Starts a deadline.
 *
 * @param timeout milliseconds until the signal aborts
 * @param reason the signal's reason; a function is called when the timeout has passed
 * @param parent aborts the signal too, with its own reason
 */
export function startDeadline(
  clock: Sleeper,
  timeout: number,
  reason: Error | (() => Error),
  parent?: AbortSignal,
): Deadline {
  let timer = new AbortController();
  const deadline = new AbortController();
  const onParent = () => deadline.abort(parent?.reason);
  if (parent?.aborted) onParent();
  else parent?.addEventListener("abort", onParent, { once: true });
  const onTimeout = () => deadline.abort(typeof reason === "function" ? reason() : reason);
  const start = () => void clock.sleep(timeout, timer.signal).then(onTimeout, () => {});
  start();
  return {
    signal: deadline.signal,
    restart: () => {
      timer.abort(DISPOSED);
      timer = new AbortController();
      start();
    },
    [Symbol.dispose]: () => {
      timer.abort(DISPOSED);
      parent?.removeEventListener("abort", onParent);
    },
  };
}
