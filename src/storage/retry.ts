/**
 * When to retry, for every operation on a store.
 *
 * @module
 */
import { type Backoff, backoff } from "../async/backoff.ts";
import { startDeadline } from "../async/deadline.ts";
import type { World } from "../world/world.ts";
import { ConflictError, UnavailableError } from "./driver.ts";

/**
 * Max attempts when the pool keeps changing between read and commit. With back-offs of half a second on average they last about as long as a
 * call: with many writers the deadline ends it, and this limit ends a store that always answers "conflict".
 */
export const CONFLICT_ATTEMPTS = 100;
/** Max attempts when the store does not answer: as many as fit into the 60 seconds of a call. */
export const UNAVAILABLE_ATTEMPTS = 5;
/** Milliseconds without an answer, or without a further part of a list, after which an attempt counts as unanswered. */
export const ATTEMPT_TIMEOUT = 10_000;

/** Starts at about the duration of a commit: concurrent writers need not spread out further. */
const CONFLICT_BACKOFF: Backoff = { first: 8, max: 1_000 };
/** Starts well above the duration of a request: a store that restarts or sheds load needs time. */
const UNAVAILABLE_BACKOFF: Backoff = { first: 100, max: 2_000 };

/** What retrying needs of the machine. */
export type Clock = Pick<World, "now" | "monotonic" | "sleep" | "random">;

/**
 * Runs an operation until it succeeds, fails for good, or the signal aborts.
 *
 * Retries conflicts and unanswered attempts after an exponential back-off with full jitter, at most {@linkcode CONFLICT_ATTEMPTS} and
 * {@linkcode UNAVAILABLE_ATTEMPTS} times. A delay that the store asks for is added, and the jitter is then at least as long: a server that
 * refuses the requests of a thousand nodes asks all of them for the same delay. A slow attempt is more likely to conflict, so the back-off after
 * a conflict starts at the attempt's duration.
 *
 * @param operation receives a signal that ends this attempt, and a function to call when a part of a long answer has arrived
 * @param onConflict replaces the back-off after a conflict: receives the milliseconds of the attempt, returns those to wait
 * @throws the signal's reason once it aborts; otherwise the operation's last error
 */
export async function retry<T>(
  operation: (signal: AbortSignal, progressed: () => void) => Promise<T>,
  clock: Clock,
  signal: AbortSignal,
  onConflict?: (took: number) => number,
): Promise<T> {
  let conflicts = 0;
  let timeouts = 0;
  for (;;) {
    signal.throwIfAborted();
    const start = clock.monotonic();
    try {
      return await attempt(operation, clock, signal);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (error instanceof ConflictError && ++conflicts < CONFLICT_ATTEMPTS) {
        const took = clock.monotonic() - start;
        const first = Math.max(CONFLICT_BACKOFF.first, took);
        const delay = onConflict?.(took) ?? clock.random() * backoff({ ...CONFLICT_BACKOFF, first }, conflicts);
        await clock.sleep(delay, signal);
      } else if (error instanceof UnavailableError && ++timeouts < UNAVAILABLE_ATTEMPTS) {
        const { retryAfter = 0 } = error;
        const spread = Math.max(retryAfter, backoff(UNAVAILABLE_BACKOFF, timeouts));
        await clock.sleep(retryAfter + clock.random() * spread, signal);
      } else throw error;
    }
  }
}

/**
 * Runs an operation once.
 *
 * @throws {UnavailableError} the operation took longer than {@linkcode ATTEMPT_TIMEOUT}, counted from its last progress
 * @throws the signal's reason once it aborts; the operation's error
 */
export async function attempt<T>(
  operation: (signal: AbortSignal, progressed: () => void) => Promise<T>,
  clock: Clock,
  signal: AbortSignal,
): Promise<T> {
  const timedOut = () => new UnavailableError(`No answer from the store within ${ATTEMPT_TIMEOUT / 1000} s`);
  using deadline = startDeadline(clock, ATTEMPT_TIMEOUT, timedOut, signal);
  return await operation(deadline.signal, deadline.restart);
}
