/**
 * The calls of pods that come and go on one store. While some have come and put nothing to a pool yet, a commit gains by waiting a moment:
 * they will be in it. A call that takes long, because its pool or its lock does, soon counts no more: nobody gains by waiting for it.
 *
 * @module
 */

/**
 * Milliseconds for which a call counts as coming, and as active. A call that is not held up puts its request to a pool within one answer of
 * the store, and is through within two or three; an answer takes 5 to 40 ms under load.
 */
const COUNTS_FOR = { coming: 40, active: 200 };

/** One call on its way through the agent. Saying a thing twice counts once. */
export interface Passage {
  /** It has put its request to a pool. */
  arrived(): void;
  /** It is answered. */
  end(): void;
}

/** When a call came, in milliseconds. */
interface Arrival {
  readonly at: number;
}

/** Counts the calls of a store. */
export class Traffic {
  readonly #now: () => number;
  /** In the order in which they came, as a Set keeps them. */
  readonly #coming = new Set<Arrival>();
  readonly #active = new Set<Arrival>();
  #settled = Promise.withResolvers<void>();

  /** Starts with nobody. `now` gives milliseconds, and never goes back. */
  constructor(now: () => number) {
    this.#now = now;
    this.#settled.resolve();
  }

  /** Calls that came a moment ago, and have put nothing to a pool yet. */
  get coming(): number {
    this.#forget(this.#coming, COUNTS_FOR.coming);
    if (this.#coming.size === 0) this.#settled.resolve();
    return this.#coming.size;
  }

  /** Calls that came lately, and are not answered. */
  get active(): number {
    this.#forget(this.#active, COUNTS_FOR.active);
    return this.#active.size;
  }

  /** Resolves when nobody is coming. What came too long ago is noticed when {@linkcode coming} is read. */
  get settled(): Promise<void> {
    return this.#settled.promise;
  }

  /** A call has come. */
  begin(): Passage {
    const arrival = { at: this.#now() };
    if (this.coming === 0) this.#settled = Promise.withResolvers<void>();
    this.#coming.add(arrival);
    this.#active.add(arrival);
    const arrived = () => {
      if (this.#coming.delete(arrival) && this.#coming.size === 0) this.#settled.resolve();
    };
    const end = () => {
      arrived();
      this.#active.delete(arrival);
    };
    return { arrived, end };
  }

  #forget(arrivals: Set<Arrival>, age: number): void {
    const oldest = this.#now() - age;
    for (const arrival of arrivals) {
      if (arrival.at > oldest) return;
      arrivals.delete(arrival);
    }
  }
}
