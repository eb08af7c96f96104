/**
 * Locks among many calls of one process.
 *
 * @module
 */
import type { World } from "../world/world.ts";

/**
 * Lets the calls of this process take turns at a name before one of them asks for the lock between processes: waiting for that one takes a
 * thread of the runtime, and a thousand waiting calls would leave none for the call that holds it.
 */
export function localTurns(lock: World["lock"]): World["lock"] {
  const queues = new Map<string, Promise<void>>();
  return async (name, signal) => {
    const before = queues.get(name) ?? Promise.resolve();
    const { promise: done, resolve: end } = Promise.withResolvers<void>();
    const mine = before.then(() => done);
    queues.set(name, mine);
    void mine.then(() => queues.get(name) === mine && queues.delete(name));
    try {
      await unlessAborted(before, signal);
      const held = await lock(name, signal);
      return {
        [Symbol.dispose]: () => {
          held?.[Symbol.dispose]();
          end();
        },
      };
    } catch (error) {
      end();
      throw error;
    }
  };
}

async function unlessAborted(turn: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await Promise.race([turn, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
