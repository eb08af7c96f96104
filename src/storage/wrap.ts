/**
 * Wraps a store: every operation runs through one function, which may repeat, time or delay it.
 *
 * @module
 */
import type { Migration, Reservations, SliceStore, StorageDriver, StoreNamespace } from "./driver.ts";
import { attempt, type Clock, retry } from "./retry.ts";

/** The operations of a store, as named in metrics. */
export type Operation =
  | "read"
  | "commit"
  | "list"
  | "status"
  | "list_unreadable"
  | "reserve"
  | "take_over_reservation"
  | "unreserve"
  | "find_reservation"
  | "list_reservations"
  | "find_slices"
  | "close_pool"
  | "open_pool"
  | "remove_pool"
  | "count_namespaces"
  | "list_older"
  | "convert"
  | "list_closed"
  | "empty_pool";

/** Runs an operation. `work` receives the signal that ends it. */
export type Runner = <T>(
  operation: Operation,
  work: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
) => Promise<T>;

/**
 * Every member of a type is required, so that a new member cannot be forgotten. `-?` would forbid undefined for users of the library who compile
 * without `exactOptionalPropertyTypes`.
 */
type Total<T> = { readonly [K in keyof Required<T>]: T[K] | undefined };

/**
 * The same store, with operations that run through a function. Optional members that the store lacks stay absent.
 *
 * @param dispose runs when the result is disposed. Default: disposes the store
 */
export function wrap(
  driver: StorageDriver,
  run: Runner,
  dispose: () => PromiseLike<void> = () => driver[Symbol.asyncDispose](),
): StorageDriver {
  const { unreadable, snapshotFromRecord, migration, namespace, slices, reservations } = driver;
  return present<StorageDriver>({
    name: driver.name,
    read: (key, signal) => run("read", (limit) => driver.read(key, limit), signal),
    commit: (snapshot, changes, signal) => run("commit", (limit) => driver.commit(snapshot, changes, limit), signal),
    snapshotFromRecord: snapshotFromRecord?.bind(driver),
    list: (signal) => run("list", (limit) => driver.list(limit), signal),
    status: (signal, reserves) => run("status", (limit) => driver.status(limit, reserves), signal),
    unreadable: unreadable && ((signal) => run("list_unreadable", (limit) => unreadable.call(driver, limit), signal)),
    migration: migration && wrapMigration(migration, run),
    namespace: namespace && wrapNamespace(namespace, run),
    slices: slices && wrapSlices(slices, run),
    reservations: reservations && wrapReservations(reservations, run),
    [Symbol.asyncDispose]: dispose,
  });
}

/** The same store for a caller that does not own it: disposing the result leaves the store open. */
export function borrow(driver: StorageDriver): StorageDriver {
  return wrap(driver, (_operation, work, signal) => work(signal), () => Promise.resolve());
}

/** Idempotent operations: reads, and writes that compare with the stored object. */
const REPEATABLE: ReadonlySet<Operation> = new Set([
  ...["read", "list", "status", "list_unreadable", "find_slices", "count_namespaces"] as const,
  ...["reserve", "take_over_reservation", "unreserve", "find_reservation", "list_reservations"] as const,
  ...["list_older", "list_closed", "empty_pool"] as const,
]);

/** Operations with their own deadlines: `storage/update.ts` retries commits, and a conversion waits for the locks of older plugins. */
const UNLIMITED: ReadonlySet<Operation> = new Set(["commit", "convert"]);

/**
 * The same store, which retries idempotent operations, and limits the duration of the others.
 *
 * @param clock the clock for retries
 */
export function retrying(driver: StorageDriver, clock: Clock): StorageDriver {
  return wrap(driver, (operation, work, signal) => {
    if (REPEATABLE.has(operation)) return retry(work, clock, signal);
    return UNLIMITED.has(operation) ? work(signal) : attempt(work, clock, signal);
  });
}

function wrapReservations(reservations: Reservations, run: Runner): Reservations {
  return present<Reservations>({
    reserve: (wanted, signal) => run("reserve", (limit) => reservations.reserve(wanted, limit), signal),
    takeOver: (found, wanted, signal) =>
      run("take_over_reservation", (limit) => reservations.takeOver(found, wanted, limit), signal),
    create: (wanted, signal) => run("reserve", (limit) => reservations.create(wanted, limit), signal),
    release: (owned, signal) => run("unreserve", (limit) => reservations.release(owned, limit), signal),
    find: (network, ip, signal) => run("find_reservation", (limit) => reservations.find(network, ip, limit), signal),
    list: (network, signal) => run("list_reservations", (limit) => reservations.list(network, limit), signal),
  });
}

function wrapSlices(slices: SliceStore, run: Runner): SliceStore {
  return present<SliceStore>({
    find: (name, signal) => run("find_slices", (limit) => slices.find(name, limit), signal),
    close: (snapshot, fence, signal) => run("close_pool", (limit) => slices.close(snapshot, fence, limit), signal),
    open: (snapshot, epoch, signal) => run("open_pool", (limit) => slices.open(snapshot, epoch, limit), signal),
    remove: (snapshot, signal) => run("remove_pool", (limit) => slices.remove(snapshot, limit), signal),
  });
}

function wrapNamespace(namespace: StoreNamespace, run: Runner): StoreNamespace {
  return present<StoreNamespace>({
    name: namespace.name,
    inUse: (signal) => run("count_namespaces", (limit) => namespace.inUse(limit), signal),
  });
}

function wrapMigration(migration: Migration, run: Runner): Migration {
  return present<Migration>({
    older: (signal) => run("list_older", (limit) => migration.older(limit), signal),
    convert: (record, decide, signal) => run("convert", (limit) => migration.convert(record, decide, limit), signal),
    closed: (signal) => run("list_closed", (limit) => migration.closed(limit), signal),
    close: (snapshot, signal) => run("close_pool", (limit) => migration.close(snapshot, limit), signal),
    empty: (snapshot, signal) => run("empty_pool", (limit) => migration.empty(snapshot, limit), signal),
  });
}

function present<T extends object>(members: Total<T>): T {
  const keys = Reflect.ownKeys(members) as (keyof T)[];
  return Object.fromEntries(keys.map((key) => [key, members[key]]).filter(([, value]) => value !== undefined)) as T;
}
