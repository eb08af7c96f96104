/**
 * Runs a few calls over one store in every order in which their operations can reach it, as a model checker does: each call stops before
 * each of its operations, and which one continues is a choice; every choice is tried, one run each.
 *
 * Orders that differ only in operations that do not touch each other (two reads, two pools, two addresses) come to the same, and only
 * one of them is run. The method is that of sleep sets (P. Godefroid, Partial-Order Methods for the Verification of Concurrent
 * Systems, 1996, chapter 5).
 *
 * @module
 */
import { setImmediate } from "node:timers";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { ATTEMPT_TIMEOUT, type Clock } from "../../src/storage/retry.ts";
import { faulty, type Operation } from "./faulty.ts";

/** One run: a store made for it, the calls, and what must be true. */
export interface Run {
  /** The store that all calls share. */
  readonly driver: StorageDriver;
  /** The calls. Each gets the store to use, whose operations wait for their turn. What else they do must be the same in every run. */
  readonly calls: readonly ((store: StorageDriver) => Promise<void>)[];
  /** Called after every operation, while all calls stand still. */
  readonly afterEach: () => Promise<void>;
  /** Called when all calls ended. */
  readonly atEnd: () => Promise<void>;
}

/** A clock for calls that are stopped from outside: back-off takes no time, and no attempt is ever too long. */
export const STANDING_CLOCK: Clock = {
  now: () => 0,
  monotonic: () => 0,
  random: () => 0.5,
  sleep: (milliseconds, signal) =>
    milliseconds < ATTEMPT_TIMEOUT ? Promise.resolve() : new Promise((_, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    }),
};

/** More operations than this in a run mean that calls push each other back for ever. */
const MAX_STEPS = 200;

/** A choice between calls, and the alternatives that need no run: tried before, or the same as one that was. */
interface Choice {
  readonly waiting: ReadonlyMap<number, Operation>;
  readonly asleep: Set<number>;
  chosen: number;
}

/**
 * Tries every order.
 *
 * @param make makes a fresh store and fresh calls
 * @param most fails when there are more runs than this
 * @returns how many runs there were
 */
export async function inEveryOrder(make: () => Promise<Run>, most: number): Promise<number> {
  const choices: Choice[] = [];
  for (let runs = 1; runs <= most; runs++) {
    await runOnce(await make(), choices);
    for (let last = choices.at(-1); last; last = choices.at(-1)) {
      last.asleep.add(last.chosen);
      const next = awake(last);
      if (next !== undefined) {
        last.chosen = next;
        break;
      }
      choices.pop();
    }
    if (choices.length === 0) return runs;
  }
  throw new Error(`More than ${most} orders`);
}

function awake({ waiting, asleep }: Omit<Choice, "chosen">): number | undefined {
  return [...waiting.keys()].sort((a, b) => a - b).find((call) => !asleep.has(call));
}

/** Makes the choices given, and from there on new ones, which it adds to them. */
async function runOnce({ driver, calls, afterEach, atEnd }: Run, choices: Choice[]): Promise<void> {
  const waiting = new Map<number, Operation>();
  const gates = new Map<number, () => void>();
  const failures: unknown[] = [];
  calls.forEach((call, i) => {
    const store = faulty(driver, async (operation) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.set(i, operation);
      gates.set(i, resolve);
      await promise;
      return undefined;
    });
    call(store).catch((error) => failures.push(error));
  });
  const trace: string[] = [];
  try {
    let step = 0;
    for (await standstill(); waiting.size > 0; step++) {
      if (step === MAX_STEPS) throw new Error(`No end after ${MAX_STEPS} operations`);
      const chosen = choose(choices, step, waiting);
      if (chosen === undefined) return;
      const { method, object } = waiting.get(chosen) ?? {};
      trace.push(`${chosen}: ${method} ${object}`);
      waiting.delete(chosen);
      gates.get(chosen)?.();
      await standstill();
      if (failures.length > 0) throw failures[0];
      await afterEach();
    }
    await atEnd();
  } catch (error) {
    const order = trace.join("\n  ");
    throw new Error(`${error instanceof Error ? error.message : error}\nin the order\n  ${order}`, { cause: error });
  } finally {
    await driver[Symbol.asyncDispose]();
  }
}

/** The call that continues. Undefined: another run has covered all candidates. */
function choose(choices: Choice[], step: number, waiting: ReadonlyMap<number, Operation>): number | undefined {
  const known = choices[step];
  if (known) return known.chosen;
  const before = choices.at(-1);
  const done = before?.waiting.get(before.chosen);
  const asleep = new Set([...before?.asleep ?? []].filter((call) => {
    const sleeper = before?.waiting.get(call);
    return sleeper && done && !touch(sleeper, done);
  }));
  const chosen = awake({ waiting, asleep });
  if (chosen !== undefined) choices.push({ waiting: new Map(waiting), asleep, chosen });
  return chosen;
}

/** Whether the order of two operations can matter. */
function touch(a: Operation, b: Operation): boolean {
  if (!a.writes && !b.writes) return false;
  const onReservations = ({ method }: Operation) => method.startsWith("reservation");
  if (onReservations(a) !== onReservations(b)) return false;
  const onAll = ({ method }: Operation) => method === "list" || method === "reservation.list";
  return onAll(a) || onAll(b) || a.object === b.object;
}

/** One turn of the event loop: every call stands at its next operation, or ended. */
function standstill(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
