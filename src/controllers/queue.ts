/**
 * Work that is asked for from several sides and done one at a time.
 *
 * @module
 */
import { type Backoff, backoff } from "../async/backoff.ts";
import { messageOf } from "../values/errors.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";

/** Work rests for this many times as long as it took, so that it never occupies the API server for itself. */
const REST = 3;
/** Milliseconds it rests at most. */
const MOST_REST = 1_000;

/** How a worker waits. */
export interface WorkerOptions {
  /** For messages. */
  readonly name: string;
  /** Milliseconds between the first request and the work: what comes together is done together. */
  readonly gather: number;
  /** Delay before failed work is retried; doubled after each failure. */
  readonly retry: Backoff;
}

/**
 * Does one piece of work whenever it was asked for since it last began. Work that failed is done again after a while, or as soon as it is
 * asked for: what failed may be one thing of many.
 */
export class Worker {
  readonly #world: World;
  readonly #log: Logger;
  readonly #options: WorkerOptions;
  readonly #work: (signal: AbortSignal) => Promise<void>;
  #wanted = Promise.withResolvers<void>();

  /** Does nothing yet. */
  constructor(world: World, log: Logger, options: WorkerOptions, work: (signal: AbortSignal) => Promise<void>) {
    this.#world = world;
    this.#log = log;
    this.#options = options;
    this.#work = work;
  }

  /** Asks for the work. */
  poke(): void {
    this.#wanted.resolve();
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { name, gather, retry } = this.#options;
    signal.addEventListener("abort", () => this.poke(), { once: true });
    let failures = 0;
    while (!signal.aborted) {
      await this.#wanted.promise;
      await this.#world.sleep(gather, signal).catch(() => {});
      if (signal.aborted) return;
      this.#wanted = Promise.withResolvers();
      try {
        const begun = this.#world.monotonic();
        await this.#work(signal);
        failures = 0;
        const rest = Math.min(MOST_REST, REST * (this.#world.monotonic() - begun));
        await this.#world.sleep(rest, signal).catch(() => {});
      } catch (error) {
        if (signal.aborted) return;
        failures++;
        const wait = backoff(retry, failures - 1);
        this.#log.warn("Work failed and is done again", {
          work: name,
          reason: messageOf(error),
          milliseconds: wait,
        });
        await this.#pause(wait, signal);
      }
    }
  }

  async #pause(milliseconds: number, signal: AbortSignal): Promise<void> {
    const asked = new AbortController();
    void this.#wanted.promise.then(() => asked.abort());
    await this.#world.sleep(milliseconds, AbortSignal.any([signal, asked.signal])).catch(() => {});
    this.poke();
  }
}
