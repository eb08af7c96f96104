/**
 * The calls of pods that come and go. While some have come and put nothing to a pool yet, a commit gains by waiting a moment: they will be
 * in it.
 *
 * @module
 */

/** One call on its way through the agent. Saying a thing twice counts once. */
export interface Passage {
  /** It has put its request to a pool. */
  arrived(): void;
  /** It is answered. */
  end(): void;
}

/** Counts calls. */
export class Traffic {
  #coming = 0;
  #active = 0;
  #settled = Promise.withResolvers<void>();

  /** Starts with nobody. */
  constructor() {
    this.#settled.resolve();
  }

  /** Calls that have put nothing to a pool yet. */
  get coming(): number {
    return this.#coming;
  }

  /** Calls that are not answered. */
  get active(): number {
    return this.#active;
  }

  /** Resolves when nobody is coming. */
  get settled(): Promise<void> {
    return this.#settled.promise;
  }

  /** A call has come. */
  begin(): Passage {
    this.#active++;
    if (this.#coming++ === 0) this.#settled = Promise.withResolvers<void>();
    let state: "coming" | "there" | "gone" = "coming";
    const arrived = () => {
      if (state !== "coming") return;
      state = "there";
      if (--this.#coming === 0) this.#settled.resolve();
    };
    const end = () => {
      arrived();
      if (state === "there") this.#active--;
      state = "gone";
    };
    return { arrived, end };
  }
}
