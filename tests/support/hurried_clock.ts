/**
 * A clock that hurries: whenever nobody has anything else to do, it is the time that the next sleeper waits for. For code whose only
 * waiting is `sleep` and work in this process.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import type { Clock } from "../../src/storage/retry.ts";
import { makeRandom } from "./world.ts";

/** A clock, and the time on it. */
export interface HurriedClock extends Clock {
  /** How long each sleep was to last, in the order of asking. */
  readonly asked: readonly number[];
}

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/** Makes a clock that stands at 0. Chance comes from the seed. */
export function hurriedClock(seed = 1): HurriedClock {
  let now = 0;
  let turning = false;
  const asked: number[] = [];
  const sleepers = new Set<Sleeper>();
  const turn = () => {
    turning = false;
    let next: Sleeper | undefined;
    for (const sleeper of sleepers) if (!next || sleeper.at < next.at) next = sleeper;
    if (!next) return;
    now = next.at;
    sleepers.delete(next);
    next.wake();
    schedule();
  };
  const schedule = () => {
    if (turning || sleepers.size === 0) return;
    turning = true;
    setImmediate(turn);
  };
  return {
    asked,
    now: () => now,
    monotonic: () => now,
    random: makeRandom(seed),
    sleep: (milliseconds, signal) => {
      asked.push(milliseconds);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      if (signal?.aborted) return Promise.reject(signal.reason);
      const sleeper = { at: now + milliseconds, wake: resolve };
      sleepers.add(sleeper);
      signal?.addEventListener("abort", () => {
        sleepers.delete(sleeper);
        reject(signal.reason);
      }, { once: true });
      schedule();
      return promise;
    },
  };
}
