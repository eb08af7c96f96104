/**
 * Waiting for an abort signal, and waiting until one aborts.
 *
 * @module
 */

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}

/**
 * Waits for a promise until the signal aborts. The work behind the promise continues after an abort.
 *
 * @returns the promise's value
 * @throws the promise's error, or the signal's reason if the signal aborts first
 */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  promise.catch(() => {}); // after an abort nobody else handles its rejection
  signal.throwIfAborted();
  const stopped = Promise.withResolvers<never>();
  const onAbort = () => stopped.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, stopped.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
