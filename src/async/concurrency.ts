/**
 * Bounded concurrency.
 *
 * @module
 */

/**
 * Runs work for every item, at most `limit` at the same time.
 *
 * @returns the results, in the order of the items
 * @throws the first error. Work that is running continues; work that has not started is skipped
 */
export async function mapConcurrently<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  const queue = items.entries();
  let failed = false;
  const worker = async () => {
    for (const [index, item] of queue) {
      if (failed) return;
      try {
        results[index] = await work(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}

/**
 * Runs all work in order, whether parts of it fail or not.
 *
 * @throws the first failure, once everything else is done; the signal's reason once it aborts
 */
export async function attemptAll(works: readonly (() => Promise<void>)[], signal: AbortSignal): Promise<void> {
  const failures: unknown[] = [];
  for (const work of works) {
    try {
      await work();
    } catch (error) {
      signal.throwIfAborted();
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

/** Admits up to `width` callers at the same time, the others in order of arrival. */
export class Semaphore {
  readonly #width: number;
  /** A Set keeps the order of insertion, which is that of arrival. */
  readonly #waiting = new Set<() => void>();
  #running = 0;

  /** `width`: max concurrent callers. */
  constructor(width: number) {
    this.#width = width;
  }

  /** Callers that wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Waits for a free place. Disposing the result frees it for the next caller.
   *
   * @throws the signal's reason if it aborts first
   */
  async enter(signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted();
    if (this.#running < this.#width) this.#running++;
    else await this.#queue(signal);
    return { [Symbol.dispose]: () => this.#leave() };
  }

  /** Runs work in a free place. */
  async run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    using _place = await this.enter(signal);
    return await work();
  }

  #queue(signal: AbortSignal): Promise<void> {
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
