/**
 * What an agent remembers of a pool between its commits.
 *
 * A commit on a remembered pool saves the read, and costs a refused write where others wrote since. How long a memory holds is learned: one
 * that was refused halves the age up to which the next ones are trusted, and each read in place of one lets it grow again. So a pool that is
 * this node's alone is never read, and one that others write to all the time is seldom written in vain.
 *
 * @module
 */
import type { PoolSnapshot } from "../storage/driver.ts";

/** By how much the trusted age changes: with a memory that was refused, and with one that was not used. */
const TRUST = { refused: 0.5, unused: 1.25 };
/** The least that is trusted, in milliseconds: from nothing it would not grow. */
const LEAST_TRUSTED = 1;

/** One pool, as it was after the last commit. */
export class PoolMemory {
  #last: { readonly snapshot: PoolSnapshot; readonly at: number } | undefined;
  #trusted = Number.POSITIVE_INFINITY;

  /** The pool to build on, where it is young enough. */
  recall(now: number): PoolSnapshot | undefined {
    if (!this.#last) return undefined;
    if (now - this.#last.at <= this.#trusted) return this.#last.snapshot;
    this.#trusted *= TRUST.unused;
    return undefined;
  }

  /** Others had changed the pool since. */
  refused(now: number): void {
    if (this.#last) this.#trusted = Math.max((now - this.#last.at) * TRUST.refused, LEAST_TRUSTED);
  }

  /** Remembers the pool as it is now. */
  keep(snapshot: PoolSnapshot, now: number): void {
    this.#last = { snapshot, at: now };
  }

  /** Nobody knows how the pool is now. */
  forget(): void {
    this.#last = undefined;
  }
}
