/**
 * So many at a time.
 *
 * @module
 */

/** Lets so many in at once, the rest in order of arrival. */
export class Limit {
  readonly #width: number;
  /** In order of arrival, as a Set keeps them. */
  readonly #waiting = new Set<() => void>();
  #running = 0;

  /** With room for so many. */
  constructor(width: number) {
    this.#width = width;
  }

  /** How many wait for room. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Waits for room. Disposing what is returned gives it to the next.
   *
   * @throws the signal's reason, where it aborts first
   */
  async enter(signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted();
    if (this.#running < this.#width) this.#running++;
    else await this.#wait(signal);
    return { [Symbol.dispose]: () => this.#leave() };
  }

  /** Runs work when there is room for it. */
  async run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    using _room = await this.enter(signal);
    return await work();
  }

  #wait(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => {
      this.#waiting.delete(next);
      reject(signal.reason);
    };
    const next = () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    this.#waiting.add(next);
    return promise;
  }

  #leave(): void {
    const [next] = this.#waiting;
    if (!next) return void this.#running--;
    this.#waiting.delete(next);
    next();
  }
}
