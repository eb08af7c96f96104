/**
 * How long a writer of a pool waits, so that many nodes do not exclude each other.
 *
 * Of all commits that were decided on one version of a pool, the store accepts one. A back-off that starts over for each commit serves the
 * newest writer first and lets the others starve, and its limit is reached if a hundred nodes write: then nearly every request is a refused
 * one. So the delay is remembered from one commit to the next, as in MACAW (Bharghavan et al., 1994): it grows with every conflict, shrinks
 * with every success, and the winner waits, too, while its next requests gather.
 *
 * Measured on a real API server with four pods for each agent (`deno task bench:agents --variant "one pool"`): a hundred agents get 20 addresses
 * per second with 11 requests each, and each pod gets one at its first attempt; without it 9 with 22 requests, and 106 of 400 calls end after
 * 25 s. Thirty agents get 23 instead of 27. A back-off of up to 4 s that starts over for each commit gets 24 for a hundred agents there, but
 * lets callers starve in front of a server that answers one request after another (`tests/agent/contention_test.ts`).
 *
 * @module
 */

/** Milliseconds: about the duration of a commit, and so long that a hundred writers of 20 ms come one after another. */
const WINDOW = { min: 8, max: 4_000 };
/** Factors of the window after a conflict and after a success: two conflicts outweigh two successes, so that it finds its level. */
const FACTORS = { conflict: 1.5, success: 0.7 };
/** The share of the window that a commit waits at most before its first attempt. */
const PAUSE = 0.5;

/** The contention of one pool, as one writer sees it. */
export class Contention {
  readonly #random: () => number;
  #window = 0;

  /** Begins without. `random` returns numbers from 0 to below 1. */
  constructor(random: () => number) {
    this.#random = random;
  }

  /**
   * Milliseconds to wait before a commit begins: 0 while nobody else writes.
   *
   * @param idle milliseconds since the last commit ended: they count as waited, so that contention is forgotten where it has ended
   */
  pause(idle: number): number {
    this.#window = Math.max(0, this.#window - idle);
    return this.#window < WINDOW.min ? 0 : this.#random() * this.#window * PAUSE;
  }

  /** A commit was refused because another write came first. Returns the milliseconds to wait. @param took milliseconds of the attempt */
  conflicted(took: number): number {
    this.#window = Math.min(WINDOW.max, Math.max(WINDOW.min, took, this.#window * FACTORS.conflict));
    return this.#random() * this.#window;
  }

  /** A commit succeeded. */
  succeeded(): void {
    this.#window *= FACTORS.success;
  }
}
