/**
 * Locks among many calls of one process.
 *
 * @module
 */
import type { Lock, World } from "../world/world.ts";
import { unlessAborted } from "../world/abort.ts";

/** Calls that go along with one holding of a lock, at most: then it is given up, so that other processes get it too. */
const MOST_SHARERS = 64;

/** One holding of a lock between processes, by several calls. */
interface Holding {
  readonly lock: Promise<Lock | undefined>;
  readonly ended: PromiseWithResolvers<void>;
  users: number;
  joined: number;
}

/**
 * Lets the calls of this process take turns at a part of a name before one of them asks for the lock between processes, and lets calls for
 * other parts go along with it. Waiting for that lock takes a thread of the runtime, and a thousand waiting calls would leave none for
 * the call that holds it.
 */
export function localTurns(lock: World["lock"]): World["lock"] {
  const turn = turns();
  const share = sharing(lock);
  return async (name, signal, part = "") => {
    const mine = await turn(`${name}\n${part}`, signal);
    try {
      const shared = await share(name, signal);
      return {
        [Symbol.dispose]: () => {
          shared[Symbol.dispose]();
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

/** The lock between processes, held once for all who want it meanwhile. */
function sharing(lock: World["lock"]): (name: string, signal: AbortSignal) => Promise<Lock> {
  const holdings = new Map<string, Holding>();
  const leave = async (name: string, holding: Holding) => {
    if (--holding.users > 0) return;
    if (holdings.get(name) === holding) holdings.delete(name);
    (await holding.lock.catch(() => undefined))?.[Symbol.dispose]();
    holding.ended.resolve();
  };
  return async (name, signal) => {
    for (;;) {
      const present = holdings.get(name);
      if (present && present.joined >= MOST_SHARERS) {
        await unlessAborted(present.ended.promise, signal);
        continue;
      }
      const holding = present ??
        { lock: lock(name, signal), ended: Promise.withResolvers<void>(), users: 0, joined: 0 };
      holdings.set(name, holding);
      holding.users++;
      holding.joined++;
      try {
        await unlessAborted(holding.lock, signal);
        return { [Symbol.dispose]: () => void leave(name, holding) };
      } catch (error) {
        if (!(present && signal.aborted) && holdings.get(name) === holding) holdings.delete(name);
        void leave(name, holding);
        if (!present || signal.aborted) throw error; // whoever asked first may have been aborted: the others ask for themselves
      }
    }
  };
}
