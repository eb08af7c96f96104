/**
 * What the agent remembers of a pool between its commits.
 *
 * A commit on the remembered pool saves a read, but costs a refused write if another process wrote meanwhile. After a refusal the batcher
 * forgets the pool until its next commit, so that a pool that others write all the time costs a refused write every second time only.
 *
 * Without it, an ADD through an agent whose pool no other process writes takes 1.19 times as long, since it sends three requests instead of
 * two (`deno task bench --ablation "pool memory"`).
 *
 * A store that is restored to an older state uses versions a second time, so an equal version does not prove that the memory is current.
 * During a restore the store does not answer, or the restore takes longer than {@linkcode REMEMBERED_FOR}: in both cases the memory is
 * dropped.
 *
 * @module
 */
import type { PoolSnapshot } from "../storage/driver.ts";

/** Max age of a remembered pool in milliseconds: to stop a store, copy an older state to its disk and start it takes longer. */
export const REMEMBERED_FOR = 60_000;

interface Remembered {
  readonly snapshot: PoolSnapshot;
  readonly at: number;
  readonly outages: number;
}

/** One pool, as of the last commit. */
export class PoolMemory {
  readonly #outages: () => number;
  #last: Remembered | undefined;

  /** `outages` counts how often the store did not answer. */
  constructor(outages: () => number) {
    this.#outages = outages;
  }

  /** The pool, if it is young enough and the store has answered ever since. `now`: monotonic milliseconds. */
  recall(now: number): PoolSnapshot | undefined {
    if (!this.#last) return undefined;
    const { snapshot, at, outages } = this.#last;
    if (outages === this.#outages() && now - at <= REMEMBERED_FOR) return snapshot;
    this.forget();
    return undefined;
  }

  /** Remembers the pool as it was committed. */
  keep(snapshot: PoolSnapshot, now: number): void {
    this.#last = { snapshot, at: now, outages: this.#outages() };
  }

  /** Drops the memory: the state of the pool is unknown. */
  forget(): void {
    this.#last = undefined;
  }
}
