/**
 * Decides when the store is read again: after a change where changes are reported, otherwise at an interval.
 *
 * @module
 */
import type { World } from "../world/world.ts";

/** Milliseconds after which a store whose changes are reported is read all the same: pods and nodes may have changed. */
const MAX_WAIT = 30_000;

/** Waits between two reads. */
export class Pacer {
  readonly #world: Pick<World, "sleep">;
  readonly #interval: number;
  #isWatching = false;
  #change = Promise.withResolvers<void>();

  /** Changes are not reported yet. @param interval milliseconds between two reads, at least */
  constructor(world: Pick<World, "sleep">, interval: number) {
    this.#world = world;
    this.#interval = interval;
  }

  /** From now on, changes are reported. */
  watching(): void {
    this.#isWatching = true;
  }

  /** A change of the store. */
  changed(): void {
    this.#change.resolve();
  }

  /** Resolves when the store is to be read again. @throws the signal's reason once it aborts */
  async next(signal: AbortSignal): Promise<void> {
    await this.#world.sleep(this.#interval, signal);
    if (this.#isWatching && this.#interval < MAX_WAIT) {
      const timer = new AbortController();
      const rest = this.#world.sleep(MAX_WAIT - this.#interval, AbortSignal.any([signal, timer.signal]));
      await Promise.race([rest, this.#change.promise]).finally(() => {
        timer.abort();
        rest.catch(() => {});
      });
    }
    this.#change = Promise.withResolvers<void>();
  }
}
