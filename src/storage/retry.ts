/**
 * When to try again, for everything that talks to a store.
 *
 * @module
 */
import type { World } from "../world/world.ts";
import { startDeadline } from "../world/deadline.ts";
import { ConflictError, UnavailableError } from "./driver.ts";

/** Attempts in all when the pool changes under the decision. */
export const CONFLICT_ATTEMPTS = 100;
/** Attempts in all when the store does not answer. */
export const UNAVAILABLE_ATTEMPTS = 5;
/** Milliseconds one attempt may take before it counts as unanswered. */
export const ATTEMPT_TIMEOUT = 10_000;

const BACKOFF = { conflict: { first: 8, most: 1_000 }, unavailable: { first: 100, most: 2_000 } };

/** What retrying needs of the machine. */
export type Clock = Pick<World, "monotonic" | "sleep" | "random">;

/**
 * Runs an operation until it succeeds, fails for good, or the signal aborts.
 *
 * Conflicts and unanswered attempts are repeated after an exponential back-off with full jitter (after the store's own wish,
 * where it has one), at most {@linkcode CONFLICT_ATTEMPTS} and {@linkcode UNAVAILABLE_ATTEMPTS} times. The longer an attempt takes, the
 * likelier others fall into it: after a conflict the back-off starts from what the attempt took.
 *
 * @param operation gets a signal that ends this attempt
 * @throws the signal's reason once it aborts; otherwise the operation's last error
 */
export async function retry<T>(
  operation: (signal: AbortSignal) => Promise<T>,
  clock: Clock,
  signal: AbortSignal,
): Promise<T> {
  let conflicts = 0;
  let silences = 0;
  for (;;) {
    signal.throwIfAborted();
    const start = clock.monotonic();
    try {
      return await attempt(operation, clock, signal);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (error instanceof ConflictError && ++conflicts < CONFLICT_ATTEMPTS) {
        const { first, most } = BACKOFF.conflict;
        await clock.sleep(
          jitter(clock, { first: Math.max(first, clock.monotonic() - start), most }, conflicts),
          signal,
        );
      } else if (error instanceof UnavailableError && ++silences < UNAVAILABLE_ATTEMPTS) {
        await clock.sleep((error.retryAfter ?? 0) + jitter(clock, BACKOFF.unavailable, silences), signal);
      } else throw error;
    }
  }
}

function jitter(clock: Clock, { first, most }: { first: number; most: number }, round: number): number {
  return clock.random() * Math.min(most, first * 2 ** Math.min(round, 20));
}

/**
 * Runs an operation once.
 *
 * @throws {UnavailableError} it took longer than {@linkcode ATTEMPT_TIMEOUT}; the signal's reason once it aborts; the operation's error
 */
export async function attempt<T>(
  operation: (signal: AbortSignal) => Promise<T>,
  clock: Clock,
  signal: AbortSignal,
): Promise<T> {
  const silence = () => new UnavailableError(`The store gave no answer within ${ATTEMPT_TIMEOUT / 1000} s`);
  using limit = startDeadline(clock, ATTEMPT_TIMEOUT, silence, signal);
  return await operation(limit.signal);
}
