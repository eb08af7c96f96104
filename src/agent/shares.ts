/**
 * One room for the calls of all stores, of which none takes what the others need.
 *
 * A store may have as many calls as there is room left: one alone half of all, two a third each, and so on, and a store that has none always
 * finds room. Shared buffers of switches are divided so (A. Choudhury, E. Hahne, Dynamic Queue Length Thresholds for Shared-Memory Packet
 * Switches, 1998).
 *
 * @module
 */

/** Counts calls by store. */
export class Shares {
  readonly #room: number;
  readonly #counts = new Map<string, number>();
  #all = 0;

  /** With room for so many calls. */
  constructor(room: number) {
    this.#room = room;
  }

  /**
   * Takes room for a call. Disposing what is returned gives it back.
   *
   * @returns undefined where the store has its share
   */
  take(store: string): Disposable | undefined {
    const count = this.#counts.get(store) ?? 0;
    if (count >= this.#room - this.#all) return undefined;
    this.#counts.set(store, count + 1);
    this.#all++;
    return { [Symbol.dispose]: () => this.#giveBack(store) };
  }

  #giveBack(store: string): void {
    const count = (this.#counts.get(store) ?? 0) - 1;
    if (count > 0) this.#counts.set(store, count);
    else this.#counts.delete(store);
    this.#all--;
  }
}
