/**
 * What the agent remembers of a pool between its commits.
 *
 * A commit on the remembered pool saves a read, but costs a refused write if another process wrote meanwhile. The memory adapts the age up
 * to which it is trusted: a refused write sets it to half of the memory's age, and each read in place of an older memory lets it grow
 * again. So a pool that only this node writes is seldom read, and a pool that others write all the time seldom costs a refused write.
 *
 * A store that is restored to an older state uses versions a second time, so an equal version does not prove that the memory is current.
 * During a restore the store does not answer, or the restore takes longer than {@linkcode REMEMBERED_FOR}: in both cases the memory is
 * dropped.
 *
 * @module
 */
import type { PoolSnapshot } from "../storage/driver.ts";

/** Max age of a remembered pool in milliseconds. */
export const REMEMBERED_FOR = 60_000;
/** Factors of the trusted age: after a refused write, and after a memory that was too old to use. */
const TRUST = { refused: 0.5, unused: 1.25 };
/** Min trusted age in milliseconds: from 0 it could not grow. */
const MIN_TRUSTED = 1;

interface Remembered {
  readonly snapshot: PoolSnapshot;
  readonly at: number;
  readonly outages: number;
}

/** One pool, as of the last commit. */
export class PoolMemory {
  readonly #outages: () => number;
  #last: Remembered | undefined;
  #trusted = REMEMBERED_FOR;

  /** `outages` counts how often the store did not answer. */
  constructor(outages: () => number) {
    this.#outages = outages;
  }

  /** The pool, if it is young enough and the store has answered ever since. `now`: monotonic milliseconds. */
  recall(now: number): PoolSnapshot | undefined {
    if (!this.#last) return undefined;
    const { snapshot, at, outages } = this.#last;
    if (outages !== this.#outages() || now - at > REMEMBERED_FOR) this.forget();
    else if (now - at <= this.#trusted) return snapshot;
    else this.#trusted *= TRUST.unused;
    return undefined;
  }

  /** The store refused a write on the remembered pool: another process had changed it. */
  refused(now: number): void {
    if (this.#last) this.#trusted = Math.max((now - this.#last.at) * TRUST.refused, MIN_TRUSTED);
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
