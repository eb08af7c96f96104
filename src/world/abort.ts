/**
 * Waiting for a signal, and no longer than a signal allows.
 *
 * @module
 */

/** Waits until the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}

/**
 * What was waited for, unless the signal aborts first. What is waited for goes on.
 *
 * @throws the signal's reason
 */
export async function unlessAborted<T>(waited: Promise<T>, signal: AbortSignal): Promise<T> {
  waited.catch(() => {}); // it may fail when nobody waits any more
  signal.throwIfAborted();
  const stopped = Promise.withResolvers<never>();
  const onAbort = () => stopped.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([waited, stopped.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
