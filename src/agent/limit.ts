/**
 * So many at a time.
 *
 * @module
 */

/** Runs work, at most so much of it at once, the rest in order of arrival. */
export class Limit {
  readonly #width: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** With room for so many. */
  constructor(width: number) {
    this.#width = width;
  }

  /** Work that waits for its turn. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Runs work when there is room for it. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#width) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }
}
