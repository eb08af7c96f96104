/**
 * Wraps a store: every operation runs through one function, which may repeat, time or delay it.
 *
 * @module
 */
import type {
  Migration,
  OnPart,
  Reservations,
  SliceStore,
  StorageDriver,
  StoreNamespace,
  Workloads,
} from "./driver.ts";
import { attempt, type Clock, retry } from "./retry.ts";

/** The operations of a store, as named in metrics. */
export type Operation =
  | "read"
  | "commit"
  | "list"
  | "list_blocks"
  | "locate"
  | "status"
  | "list_unreadable"
  | "reserve"
  | "take_over_reservation"
  | "unreserve"
  | "find_reservation"
  | "list_reservations"
  | "find_slices"
  | "take_slice"
  | "close_pool"
  | "open_pool"
  | "mark_pool"
  | "remove_pool"
  | "count_namespaces"
  | "find_pod"
  | "find_claim"
  | "list_older"
  | "convert"
  | "list_closed"
  | "empty_pool";

/** Runs an operation. `work` receives the signal that ends it, and calls `progressed` whenever a part of a list was read. */
export type Runner = <T>(
  operation: Operation,
  work: (signal: AbortSignal, progressed?: () => void) => Promise<T>,
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
  const { unreadable, snapshotFromRecord, requireReservations, refuseKeepers, setMove, migration, namespace } = driver;
  const { slices, reservations, workloads, listBlocks, locate } = driver;
  return present<StorageDriver>({
    name: driver.name,
    read: (key, signal) => run("read", (deadline) => driver.read(key, deadline), signal),
    commit: (snapshot, changes, signal, reuse) =>
      run("commit", (deadline) => driver.commit(snapshot, changes, deadline, reuse), signal),
    recordsReuse: driver.recordsReuse,
    snapshotFromRecord: snapshotFromRecord?.bind(driver),
    requireReservations: requireReservations &&
      ((snapshot, required, signal) =>
        run("mark_pool", (deadline) => requireReservations.call(driver, snapshot, required, deadline), signal)),
    refuseKeepers: refuseKeepers &&
      ((snapshot, by, signal) =>
        run("mark_pool", (deadline) => refuseKeepers.call(driver, snapshot, by, deadline), signal)),
    setMove: setMove &&
      ((snapshot, move, signal) =>
        run("mark_pool", (deadline) => setMove.call(driver, snapshot, move, deadline), signal)),
    listBlocks: listBlocks &&
      ((network, fresh, signal) =>
        run("list_blocks", (deadline) => listBlocks.call(driver, network, fresh, deadline), signal)),
    list: (signal, onPart, onUnreadable) =>
      run("list", (deadline, progressed) => driver.list(deadline, both(progressed, onPart), onUnreadable), signal),
    locate: locate && ((ip, signal) => run("locate", (deadline) => locate.call(driver, ip, deadline), signal)),
    status: (signal, reserves, recordsReuse) =>
      run("status", (deadline) => driver.status(deadline, reserves, recordsReuse), signal),
    unreadable: unreadable &&
      ((signal) => run("list_unreadable", (deadline) => unreadable.call(driver, deadline), signal)),
    migration: migration && wrapMigration(migration, run),
    namespace: namespace && wrapNamespace(namespace, run),
    slices: slices && wrapSlices(slices, run),
    reservations: reservations && wrapReservations(reservations, run),
    workloads: workloads && wrapWorkloads(workloads, run),
    [Symbol.asyncDispose]: dispose,
  });
}

/** The same store for a caller that does not own it: disposing the result leaves the store open. */
export function borrow(driver: StorageDriver): StorageDriver {
  return wrap(driver, (_operation, work, signal) => work(signal), () => Promise.resolve());
}

/** Idempotent operations: reads, and writes that compare with the stored object. */
const REPEATABLE: ReadonlySet<Operation> = new Set([
  ...[
    "read",
    "list",
    "list_blocks",
    "locate",
    "status",
    "list_unreadable",
    "find_slices",
    "count_namespaces",
    "find_pod",
    "find_claim",
  ] as const,
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

function both(progressed: (() => void) | undefined, onPart: OnPart | undefined): OnPart {
  return (objects) => {
    progressed?.();
    onPart?.(objects);
  };
}

function wrapReservations(reservations: Reservations, run: Runner): Reservations {
  const { listAddresses } = reservations;
  return present<Reservations>({
    reserve: (wanted, signal) => run("reserve", (deadline) => reservations.reserve(wanted, deadline), signal),
    takeOver: (found, wanted, signal) =>
      run("take_over_reservation", (deadline) => reservations.takeOver(found, wanted, deadline), signal),
    create: (wanted, signal) => run("reserve", (deadline) => reservations.create(wanted, deadline), signal),
    release: (owned, signal) => run("unreserve", (deadline) => reservations.release(owned, deadline), signal),
    find: (network, ip, signal) =>
      run("find_reservation", (deadline) => reservations.find(network, ip, deadline), signal),
    list: (network, signal, onPart, onUnreadable) =>
      run(
        "list_reservations",
        (deadline, progressed) => reservations.list(network, deadline, both(progressed, onPart), onUnreadable),
        signal,
      ),
    listAddresses: listAddresses &&
      ((network, signal) =>
        run("list_reservations", (deadline) => listAddresses.call(reservations, network, deadline), signal)),
  });
}

function wrapSlices(slices: SliceStore, run: Runner): SliceStore {
  return present<SliceStore>({
    find: (name, signal) => run("find_slices", (deadline) => slices.find(name, deadline), signal),
    take: (list, slice, epoch, signal) =>
      run("take_slice", (deadline) => slices.take(list, slice, epoch, deadline), signal),
    close: (snapshot, fence, signal) =>
      run("close_pool", (deadline) => slices.close(snapshot, fence, deadline), signal),
    open: (snapshot, epoch, signal) => run("open_pool", (deadline) => slices.open(snapshot, epoch, deadline), signal),
    remove: (snapshot, signal) => run("remove_pool", (deadline) => slices.remove(snapshot, deadline), signal),
  });
}

function wrapWorkloads(workloads: Workloads, run: Runner): Workloads {
  return present<Workloads>({
    findPod: (podRef, signal) => run("find_pod", (deadline) => workloads.findPod(podRef, deadline), signal),
    findClaim: (namespace, name, signal) =>
      run("find_claim", (deadline) => workloads.findClaim(namespace, name, deadline), signal),
  });
}

function wrapNamespace(namespace: StoreNamespace, run: Runner): StoreNamespace {
  return present<StoreNamespace>({
    name: namespace.name,
    inUse: (signal) => run("count_namespaces", (deadline) => namespace.inUse(deadline), signal),
  });
}

function wrapMigration(migration: Migration, run: Runner): Migration {
  return present<Migration>({
    older: (signal) => run("list_older", (deadline) => migration.older(deadline), signal),
    convert: (record, decide, signal) =>
      run("convert", (deadline) => migration.convert(record, decide, deadline), signal),
    closed: (signal) => run("list_closed", (deadline) => migration.closed(deadline), signal),
    close: (snapshot, signal) => run("close_pool", (deadline) => migration.close(snapshot, deadline), signal),
    empty: (snapshot, signal) => run("empty_pool", (deadline) => migration.empty(snapshot, deadline), signal),
  });
}

function present<T extends object>(members: Total<T>): T {
  const keys = Reflect.ownKeys(members) as (keyof T)[];
  return Object.fromEntries(keys.map((key) => [key, members[key]]).filter(([, value]) => value !== undefined)) as T;
}
