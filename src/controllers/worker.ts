/**
 * Runs one task whenever it is triggered: runs never overlap, and a run that fails is retried.
 *
 * @module
 */
import { type Backoff, backoff } from "../async/backoff.ts";
import { messageOf } from "../values/errors.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";

/** The pause after a run, as a multiple of its duration, so that a controller uses the API server for at most a quarter of the time. */
const PAUSE_FACTOR = 3;
/** Milliseconds of the pause at most: a trigger is never far from its run. */
const MAX_PAUSE = 1_000;

/** The task, and its timing. */
interface WorkerOptions {
  /** Name of the task, for log lines. */
  readonly name: string;
  /** Milliseconds from a trigger to its run: triggers in between share the run. */
  readonly delay: number;
  /** Delay before a failed run is retried; doubled after each failure. */
  readonly retry: Backoff;
}

/** Runs a task once for all triggers since its last run began. A trigger ends the delay before a retry: only a part may have failed. */
export class Worker {
  readonly #world: World;
  readonly #log: Logger;
  readonly #options: WorkerOptions;
  readonly #task: (signal: AbortSignal) => Promise<void>;
  #triggered = Promise.withResolvers<void>();

  /** Does nothing until {@linkcode run}. */
  constructor(world: World, log: Logger, options: WorkerOptions, task: (signal: AbortSignal) => Promise<void>) {
    this.#world = world;
    this.#log = log;
    this.#options = options;
    this.#task = task;
  }

  /** Requests a run. */
  trigger(): void {
    this.#triggered.resolve();
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { name, delay, retry } = this.#options;
    signal.addEventListener("abort", () => this.trigger(), { once: true });
    let failures = 0;
    while (!signal.aborted) {
      await this.#triggered.promise;
      await this.#world.sleep(delay, signal).catch(() => {});
      if (signal.aborted) return;
      this.#triggered = Promise.withResolvers();
      try {
        const begun = this.#world.monotonic();
        await this.#task(signal);
        failures = 0;
        const pause = Math.min(MAX_PAUSE, PAUSE_FACTOR * (this.#world.monotonic() - begun));
        await this.#world.sleep(pause, signal).catch(() => {});
      } catch (error) {
        if (signal.aborted) return;
        const retryDelay = backoff(retry, failures++);
        this.#log.warn("Task failed; retrying", {
          task: name,
          error: messageOf(error),
          attempt: failures,
          next: `${retryDelay / 1_000}s`,
        });
        await this.#waitForTrigger(retryDelay, signal);
      }
    }
  }

  async #waitForTrigger(milliseconds: number, signal: AbortSignal): Promise<void> {
    const triggered = new AbortController();
    void this.#triggered.promise.then(() => triggered.abort());
    await this.#world.sleep(milliseconds, AbortSignal.any([signal, triggered.signal])).catch(() => {});
    this.trigger();
  }
}
