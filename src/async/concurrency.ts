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
