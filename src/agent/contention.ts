/**
 * How long a writer of a pool waits, so that many nodes do not exclude each other.
 *
 * Of all commits that were decided on one version of a pool, the store accepts one. A back-off that starts over for each commit serves the
 * newest writer first and lets the others starve, and its limit is reached if a hundred nodes write: then nearly every request is a refused
 * one. So the delay is remembered from one commit to the next, as in MACAW (Bharghavan et al., 1994): it grows with every conflict, shrinks
 * with every success, and the winner waits, too, while its next requests gather.
 *
 * Simulated with a server that needs 5 ms per request (`tests/agent/contention_test.ts`, 100 nodes with five pods each at a time): 61 addresses
 * per second instead of 13, 2.3 requests per address instead of 15, and no pod without an address instead of a third of them. With five to
 * twenty nodes it sends 7 to 26 % fewer requests, and all are served 10 to 17 % later.
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
