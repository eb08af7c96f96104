/**
 * What an agent remembers of a pool between its commits.
 *
 * A commit on a remembered pool saves the read, and costs a refused write where others wrote since. How long a memory holds is learned: one
 * that was refused halves the age up to which the next ones are trusted, and each read in place of one lets it grow again. So a pool that is
 * this node's alone is seldom read, and one that others write to all the time is seldom written in vain.
 *
 * A store that was restored to an older state gives its versions a second time, so that a version alone does not tell a memory from what is
 * stored. A restore takes the store away, or takes longer than {@linkcode REMEMBERED_FOR}: nothing is remembered beyond either.
 *
 * @module
 */
import type { PoolSnapshot } from "../storage/driver.ts";

/** Milliseconds for which a pool is remembered, at most. */
export const REMEMBERED_FOR = 60_000;
/** By how much the trusted age changes: with a memory that was refused, and with one that was not used. */
const TRUST = { refused: 0.5, unused: 1.25 };
/** The least that is trusted, in milliseconds: from nothing it would not grow. */
const LEAST_TRUSTED = 1;

interface Remembered {
  readonly snapshot: PoolSnapshot;
  readonly at: number;
  readonly outages: number;
}

/** One pool, as it was after the last commit. */
export class PoolMemory {
  readonly #outages: () => number;
  #last: Remembered | undefined;
  #trusted = REMEMBERED_FOR;

  /** `outages` counts how often the store did not answer. */
  constructor(outages: () => number) {
    this.#outages = outages;
  }

  /** The pool to build on, where it is young enough, and the store has answered ever since. `now` in milliseconds that never go back. */
  recall(now: number): PoolSnapshot | undefined {
    if (!this.#last) return undefined;
    const { snapshot, at, outages } = this.#last;
    if (outages !== this.#outages() || now - at > REMEMBERED_FOR) this.forget();
    else if (now - at <= this.#trusted) return snapshot;
    else this.#trusted *= TRUST.unused;
    return undefined;
  }

  /** Others had changed the pool since. */
  refused(now: number): void {
    if (this.#last) this.#trusted = Math.max((now - this.#last.at) * TRUST.refused, LEAST_TRUSTED);
  }

  /** Remembers the pool as it is now. */
  keep(snapshot: PoolSnapshot, now: number): void {
    this.#last = { snapshot, at: now, outages: this.#outages() };
  }

  /** Nobody knows how the pool is now. */
  forget(): void {
    this.#last = undefined;
  }
}
