/**
 * Locks among many calls of one process.
 *
 * @module
 */
import type { Lock, World } from "../world/world.ts";
import { unlessAborted } from "../async/abort.ts";

/**
 * Lets the calls of this process take turns at a name before one of them asks for the lock between processes: what waits in memory needs no
 * open file, and is served in order of arrival.
 */
export function localTurns(lock: World["lock"]): World["lock"] {
  const turn = turns();
  return async (name, signal) => {
    const mine = await turn(name, signal);
    try {
      const outer = await lock(name, signal);
      return {
        [Symbol.dispose]: () => {
          outer?.[Symbol.dispose]();
          mine[Symbol.dispose]();
        },
      };
    } catch (error) {
      mine[Symbol.dispose]();
      throw error;
    }
  };
}

/** One at a time of each name, in order of arrival. */
function turns(): (name: string, signal: AbortSignal) => Promise<Lock> {
  const queues = new Map<string, Promise<void>>();
  return async (name, signal) => {
    const before = queues.get(name);
    const { promise: done, resolve: end } = Promise.withResolvers<void>();
    const mine = before ? before.then(() => done) : done;
    queues.set(name, mine);
    void mine.then(() => queues.get(name) === mine && queues.delete(name));
    try {
      signal.throwIfAborted();
      if (before) await unlessAborted(before, signal);
      return { [Symbol.dispose]: end };
    } catch (error) {
      end();
      throw error;
    }
  };
}
