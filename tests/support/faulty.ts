/**
 * A store that fails as stores do, around one that does not. Which operation fails, and how, a plan says: it is asked before each one.
 *
 * What can happen, and why the callers must survive it:
 *
 * - refused with a conflict: somebody else was faster, nothing was written;
 * - unavailable before it was done: the connection was refused, or the store asked to be left alone;
 * - unavailable after it was done: the answer was lost, so the caller cannot know;
 * - silent, before or after it was done: no answer until the caller's signal ends the wait;
 * - dead, before or after it was done: the calling process was killed there, its promise never settles;
 * - refused: the store refuses, also the next time.
 *
 * @module
 */
import { formatIp } from "../../src/address/ip.ts";
import { formatPoolKey } from "../../src/pool/types.ts";
import type { Move } from "../../src/pool/move.ts";
import {
  ConflictError,
  type PoolSnapshot,
  RefusedError,
  type SliceStore,
  type StorageDriver,
  UnavailableError,
} from "../../src/storage/driver.ts";

/** What a driver can be asked. Those of its reservations are named with their object. */
export type Method =
  | "read"
  | "commit"
  | "setMove"
  | "list"
  | "listBlocks"
  | "status"
  | "reservation.reserve"
  | "reservation.takeOver"
  | "reservation.create"
  | "reservation.release"
  | "reservation.find"
  | "reservation.list"
  | "slices.find"
  | "slices.take"
  | "slices.close"
  | "slices.open"
  | "slices.remove";

/** One call of a driver, as a plan sees it. */
export interface Operation {
  /** How many operations were begun before this one, since the wrapper was made. */
  readonly index: number;
  /** What is asked. */
  readonly method: Method;
  /** The pool, the address or the network concerned; may be empty. */
  readonly object: string;
  /** Whether it may write. */
  readonly writes: boolean;
}

/** How an operation goes wrong. */
export interface Fault {
  /** Whether the store does it before it goes wrong. Ignored for `conflict` and `refused`, which do nothing. */
  readonly done: boolean;
  /** What the caller gets: an error, silence until its signal aborts, or nothing ever. */
  readonly then: "conflict" | "unavailable" | "refused" | "silent" | "dead";
  /** With `unavailable`: how long the store asks to be left alone, in milliseconds. */
  readonly retryAfter?: number;
}

/** Decides on each operation before it is done: undefined lets it be. A promise holds the operation until it resolves. */
export type Plan = (operation: Operation) => Fault | undefined | Promise<Fault | undefined>;

const WRITES: readonly Method[] = [
  "commit",
  "setMove",
  "reservation.reserve",
  "reservation.takeOver",
  "reservation.create",
  "reservation.release",
  "slices.take",
  "slices.close",
  "slices.open",
  "slices.remove",
];

type Run = <T>(
  method: Method,
  object: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
) => Promise<T>;

/** Wraps a driver. Disposing the wrapper disposes the driver. */
export function faulty(driver: StorageDriver, plan: Plan): StorageDriver {
  let count = 0;
  const run: Run = async (method, object, signal, work) => {
    const fault = await plan({ index: count++, method, object, writes: WRITES.includes(method) });
    return fault ? await fail(fault, `${method} ${object}`.trim(), signal, work) : await work(signal);
  };
  const { reservations, slices } = driver;
  const listAddresses = reservations?.listAddresses;
  return {
    name: driver.name,
    read: (key, signal) => run("read", formatPoolKey(key), signal, (limit) => driver.read(key, limit)),
    commit: (snapshot, changes, signal, reuse) =>
      run("commit", formatPoolKey(snapshot.key), signal, (limit) => driver.commit(snapshot, changes, limit, reuse)),
    ...(driver.recordsReuse && { recordsReuse: driver.recordsReuse }),
    ...(driver.setMove && {
      setMove: (snapshot: PoolSnapshot, move: Move | undefined, signal: AbortSignal) =>
        run(
          "setMove",
          formatPoolKey(snapshot.key),
          signal,
          (limit) => driver.setMove?.(snapshot, move, limit) ?? Promise.reject(new Error("unreachable")),
        ),
    }),
    ...(driver.listBlocks && {
      listBlocks: (network: string, fresh: boolean, signal: AbortSignal) =>
        run("listBlocks", network, signal, async (limit) => await driver.listBlocks?.(network, fresh, limit) ?? []),
    }),
    list: (signal) => run("list", "", signal, (limit) => driver.list(limit)),
    status: (signal) => run("status", "", signal, (limit) => driver.status(limit)),
    ...(driver.snapshotFromRecord && { snapshotFromRecord: driver.snapshotFromRecord.bind(driver) }),
    ...(slices && { slices: faultySlices(slices, run) }),
    ...(reservations && {
      reservations: {
        reserve: (wanted, signal) =>
          run("reservation.reserve", formatIp(wanted.ip), signal, (limit) => reservations.reserve(wanted, limit)),
        takeOver: (found, wanted, signal) =>
          run(
            "reservation.takeOver",
            formatIp(wanted.ip),
            signal,
            (limit) => reservations.takeOver(found, wanted, limit),
          ),
        create: (wanted, signal) =>
          run("reservation.create", formatIp(wanted.ip), signal, (limit) => reservations.create(wanted, limit)),
        release: (owned, signal) =>
          run("reservation.release", formatIp(owned.ip), signal, (limit) => reservations.release(owned, limit)),
        find: (network, ip, signal) =>
          run("reservation.find", formatIp(ip), signal, (limit) => reservations.find(network, ip, limit)),
        list: (network, signal) =>
          run("reservation.list", network ?? "", signal, (limit) => reservations.list(network, limit)),
        ...(listAddresses && {
          listAddresses: (network: string, signal: AbortSignal) =>
            run("reservation.list", network, signal, (limit) => listAddresses.call(reservations, network, limit)),
        }),
      },
    }),
    [Symbol.asyncDispose]: () => driver[Symbol.asyncDispose](),
  };
}

async function fail<T>(
  { done, then, retryAfter }: Fault,
  what: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<never> {
  if (then === "conflict") throw new ConflictError(`Injected: ${what} was refused, others were faster`);
  if (then === "refused") throw new RefusedError(`Injected: ${what} was refused`);
  if (done) await work(signal);
  if (then === "unavailable") {
    throw new UnavailableError(
      `Injected: ${what} ${done ? "was done, its answer was lost" : "was not done"}`,
      retryAfter === undefined ? {} : { retryAfter },
    );
  }
  return await (then === "dead" ? new Promise<never>(() => {}) : aborted(signal));
}

/** Rejects with the signal's reason once it aborts. */
function aborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  if (signal.aborted) reject(signal.reason);
  else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  return promise;
}

/** Lets the operations before the given one be, fails that one, and lets the rest be. */
export function failOnce(index: number, fault: Fault): Plan {
  return (operation) => operation.index === index ? fault : undefined;
}

/** Lets the operations before the given one be and fails all others. */
export function failFrom(index: number, fault: Fault): Plan {
  return (operation) => operation.index >= index ? fault : undefined;
}

function faultySlices(slices: SliceStore, run: Run): SliceStore {
  return {
    find: (name, signal) => run("slices.find", name, signal, (limit) => slices.find(name, limit)),
    take: (list, slice, epoch, signal) =>
      run("slices.take", slice.node, signal, (limit) => slices.take(list, slice, epoch, limit)),
    close: (snapshot, fence, signal) =>
      run("slices.close", formatPoolKey(snapshot.key), signal, (limit) => slices.close(snapshot, fence, limit)),
    open: (snapshot, epoch, signal) =>
      run("slices.open", formatPoolKey(snapshot.key), signal, (limit) => slices.open(snapshot, epoch, limit)),
    remove: (snapshot, signal) =>
      run("slices.remove", formatPoolKey(snapshot.key), signal, (limit) => slices.remove(snapshot, limit)),
  };
}

/** How a command fails at one operation, in tests that end it at each of them. */
export const CUTS: readonly Fault[] = [
  { done: false, then: "refused" },
  { done: true, then: "unavailable" },
  { done: false, then: "conflict" },
];

/** Wraps a driver for a command that ends at an operation: that one fails as given, and all further ones are refused. */
export function cutAt(
  driver: StorageDriver,
  at: number,
  fault: Fault,
): { readonly broken: StorageDriver; readonly isCut: () => boolean } {
  let failed = false;
  const broken = faulty(driver, ({ index }) => {
    if (failed) return { done: false, then: "refused" };
    if (index !== at) return undefined;
    failed = true;
    return fault;
  });
  return { broken, isCut: () => failed };
}
