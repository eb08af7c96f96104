/**
 * The store as one process reaches it over a network that fails. What can happen to an operation:
 *
 * - delay: others are served first;
 * - conflict: the pool changed, as by another writer's commit;
 * - the request is lost: unavailable, not executed; in an outage, for all processes;
 * - the answer is lost: unavailable, but executed;
 * - silence: executed or not, the caller waits until its own timeout;
 * - late arrival: executed after the caller timed out;
 * - death: the process dies before or after the execution.
 *
 * @module
 */
import { ConflictError, type Reservations, type StorageDriver, UnavailableError } from "../../src/storage/driver.ts";
import type { Reach } from "./runtime.ts";
import type { Process, Scheduler } from "./scheduler.ts";

/** Shares of operations with a fault, while faults are on. */
const FAULTS = { conflict: 0.03, request: 0.03, answer: 0.04, silence: 0.01, death: 0.03 };

/** Each process reaches the same store, over its own network. */
export function reachOf(driver: StorageDriver, scheduler: Scheduler): Reach {
  return {
    load: (process) => () => Promise.resolve(() => Promise.resolve(networked(driver, scheduler, process))),
    world: (_, world) => world,
  };
}

/** The store as a process reaches it. Closing it leaves the store open. */
export function networked(driver: StorageDriver, scheduler: Scheduler, process: Process): StorageDriver {
  const run = <T>(label: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>) =>
    operate(scheduler, process, label, signal, work, label === "commit" ? conflict : work);
  const { reservations: inner } = driver;
  const reservations: Reservations | undefined = inner && {
    reserve: (one, signal) => run(`reserve ${one.ip.value & 0xffn}`, signal, (own) => inner.reserve(one, own)),
    takeOver: (found, one, signal) =>
      run(`reserve ${one.ip.value & 0xffn}`, signal, (own) => inner.takeOver(found, one, own)),
    create: (one, signal) => run(`reserve ${one.ip.value & 0xffn}`, signal, (own) => inner.create(one, own)),
    release: (one, signal) => run(`unreserve ${one.ip.value & 0xffn}`, signal, (own) => inner.release(one, own)),
    find: (network, ip, signal) => run("find", signal, (own) => inner.find(network, ip, own)),
    list: (network, signal) => run("list reservations", signal, (own) => inner.list(network, own)),
  };
  return {
    name: driver.name,
    read: (key, signal) => run("read", signal, (own) => driver.read(key, own)),
    commit: (snapshot, changes, signal) => run("commit", signal, (own) => driver.commit(snapshot, changes, own)),
    list: (signal) => run("list", signal, (own) => driver.list(own)),
    ...(driver.listBlocks && {
      listBlocks: (network, fresh, signal) =>
        run("list blocks", signal, async (own) => await driver.listBlocks?.(network, fresh, own) ?? []),
    }),
    ...(driver.setMove && {
      setMove: (snapshot, move, signal) =>
        operate(scheduler, process, "mark", signal, async (own) => {
          return await driver.setMove?.(snapshot, move, own) ?? snapshot;
        }, conflict),
    }),
    status: (signal) => run("status", signal, (own) => driver.status(own)),
    ...(reservations && { reservations }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function conflict(): Promise<never> {
  return Promise.reject(new ConflictError("simulated conflict"));
}

/** Sends one operation of a process over the network. `onConflict` replaces it if another writer was faster. */
export async function operate<T>(
  scheduler: Scheduler,
  process: Process,
  label: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
  onConflict: (signal: AbortSignal) => Promise<T> = work,
): Promise<T> {
  signal.throwIfAborted();
  const mayRestore = process.mayRestore?.() ?? /^(DEL|GC|controller)#/.test(process.name);
  if (label.startsWith("reserve") && mayRestore) scheduler.leftToSweep++;
  const own = new AbortController().signal; // a request that is sent is executed even if its caller times out
  const arrived = scheduler.gate(process, label);
  const late = await Promise.race([arrived.then(() => false), aborted(signal).then(() => true)]);
  if (late) {
    if (scheduler.chance(0.5)) void arrived.then(() => arriveLate(scheduler, label, work)).catch(() => {});
    throw signal.reason;
  }
  const fault = draw(scheduler, process);
  if (fault) scheduler.note(`  ${fault}`);
  switch (fault) {
    case undefined:
      return await work(own);
    case "conflict":
      return await onConflict(own);
    case "request":
      throw new UnavailableError("simulated: the request was lost");
    case "answer":
      await work(own).catch(() => {});
      throw new UnavailableError("simulated: the answer was lost");
    case "silence":
      if (scheduler.chance(0.5)) await work(own).catch(() => {});
      await aborted(signal);
      throw signal.reason;
    case "death":
      if (scheduler.chance(0.5)) await work(own).catch(() => {});
      scheduler.kill(process);
      return await new Promise<never>(() => {});
  }
}

/** A reservation that is created after its caller timed out and its owner was released can be freed by the sweep only. */
async function arriveLate(
  scheduler: Scheduler,
  label: string,
  work: (signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  scheduler.note(`late: ${label}`);
  if (label.startsWith("reserve")) scheduler.leftToSweep++;
  await work(new AbortController().signal);
}

function draw(scheduler: Scheduler, process: Process): keyof typeof FAULTS | undefined {
  if (scheduler.outage || process.reaches?.() === false) return "request";
  if (!scheduler.faults || process.spared?.()) return undefined;
  let value = scheduler.random();
  for (const [fault, share] of Object.entries(FAULTS)) {
    value -= share;
    if (value < 0) return fault as keyof typeof FAULTS;
  }
  return undefined;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
