/**
 * Calls that have come and put nothing to a pool yet. While there are some, a commit gains by waiting a moment: they will be in it.
 *
 * @module
 */

/** Counts them. */
export class Arrivals {
  #count = 0;
  #none = Promise.withResolvers<void>();

  /** Starts with nobody. */
  constructor() {
    this.#none.resolve();
  }

  /** Calls on their way. */
  get count(): number {
    return this.#count;
  }

  /** Resolves when nobody is on the way. */
  get settled(): Promise<void> {
    return this.#none.promise;
  }

  /** A call has come. Returns what says that it is on the way no more; saying so twice counts once. */
  announce(): () => void {
    if (this.#count++ === 0) this.#none = Promise.withResolvers<void>();
    let arrived = false;
    return () => {
      if (arrived) return;
      arrived = true;
      if (--this.#count === 0) this.#none.resolve();
    };
  }
}
