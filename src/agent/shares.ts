/**
 * One limit for the calls of all stores, which no store can use up.
 *
 * A store may have as many calls as there are free places: one store alone gets half of them, two get a third each, and so on, and a store
 * without calls always finds a place. Switches divide a shared buffer in this way (A. Choudhury, E. Hahne, Dynamic Queue Length Thresholds
 * for Shared-Memory Packet Switches, 1998).
 *
 * @module
 */

/** Counts calls by store. */
export class Shares {
  readonly #limit: number;
  readonly #counts = new Map<string, number>();
  #total = 0;

  /** `limit`: max calls to all stores. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Takes a place for a call. Disposing the result frees it.
   *
   * @returns undefined if the store has used its share
   */
  take(store: string): Disposable | undefined {
    const count = this.#counts.get(store) ?? 0;
    if (count >= this.#limit - this.#total) return undefined;
    this.#counts.set(store, count + 1);
    this.#total++;
    return { [Symbol.dispose]: () => this.#free(store) };
  }

  #free(store: string): void {
    const count = (this.#counts.get(store) ?? 0) - 1;
    if (count > 0) this.#counts.set(store, count);
    else this.#counts.delete(store);
    this.#total--;
  }
}
