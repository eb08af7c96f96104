/**
 * Counts the calls of one store. While some calls have not submitted their request to a pool yet, a commit gains by waiting a moment: it
 * then includes them. A call that takes long, because of its pool or a lock, soon stops counting: waiting for it gains nothing.
 *
 * @module
 */

/**
 * Milliseconds for which a call counts as coming, and as active. A call that is not delayed submits its request within one answer of the
 * store, and ends within two or three; an answer takes 5 to 40 ms under load.
 */
const COUNTS_FOR = { coming: 40, active: 200 };

/** Tracks one call. A repeated report counts once. */
export interface Passage {
  /** Reports that the call has submitted its request to a pool. */
  arrived(): void;
  /** Reports that the call is answered. */
  end(): void;
}

/** When a call began, in monotonic milliseconds. */
interface Arrival {
  readonly at: number;
}

/** Counts the calls of a store. */
export class Traffic {
  readonly #now: () => number;
  /** A Set keeps the order of insertion, which is that of arrival. */
  readonly #coming = new Set<Arrival>();
  readonly #active = new Set<Arrival>();
  #settled = Promise.withResolvers<void>();

  /** `now` returns monotonic milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
    this.#settled.resolve();
  }

  /** Calls that began a moment ago, and have not submitted a request yet. */
  get coming(): number {
    this.#forget(this.#coming, COUNTS_FOR.coming);
    if (this.#coming.size === 0) this.#settled.resolve();
    return this.#coming.size;
  }

  /** Recent calls that are not answered yet. */
  get active(): number {
    this.#forget(this.#active, COUNTS_FOR.active);
    return this.#active.size;
  }

  /** Resolves when no call is coming. Reading {@linkcode coming} drops calls that began too long ago. */
  get settled(): Promise<void> {
    return this.#settled.promise;
  }

  /** Starts to track a call. */
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
