/**
 * A store whose operations are timed and counted.
 *
 * @module
 */
import { borrow } from "../storage/borrow.ts";
import { ConflictError, RefusedError, type Reservations, type StorageDriver } from "../storage/driver.ts";

/** How an operation of a store ended. The first two failures are tried again. */
export type OperationOutcome = "success" | "conflict" | "unavailable" | "refused";

/** Told of each operation: which, how it ended, and how long it took. */
export type ObserveOperation = (operation: string, outcome: OperationOutcome, milliseconds: number) => void;

/** The same store, watched. Disposing it closes the store. */
export function measured(driver: StorageDriver, now: () => number, observe: ObserveOperation): StorageDriver {
  const timed = async <T>(operation: string, work: () => Promise<T>): Promise<T> => {
    const start = now();
    try {
      const result = await work();
      observe(operation, "success", now() - start);
      return result;
    } catch (error) {
      observe(operation, outcomeOf(error), now() - start);
      throw error;
    }
  };
  const { overlaps } = driver;
  const reservations: Reservations | undefined = overlaps && {
    claim: (wanted, signal) => timed("reserve", () => overlaps.claim(wanted, signal)),
    takeOver: (found, wanted, signal) => timed("take_over_reservation", () => overlaps.takeOver(found, wanted, signal)),
    create: (wanted, signal) => timed("reserve", () => overlaps.create(wanted, signal)),
    release: (owned, signal) => timed("unreserve", () => overlaps.release(owned, signal)),
    find: (network, ip, signal) => timed("find_reservation", () => overlaps.find(network, ip, signal)),
    list: (network, signal) => timed("list_reservations", () => overlaps.list(network, signal)),
  };
  return {
    ...borrow(driver),
    read: (key, signal) => timed("read", () => driver.read(key, signal)),
    commit: (snapshot, changes, signal) => timed("commit", () => driver.commit(snapshot, changes, signal)),
    list: (signal) => timed("list", () => driver.list(signal)),
    status: (signal) => timed("status", () => driver.status(signal)),
    ...(reservations && { overlaps: reservations }),
    [Symbol.asyncDispose]: () => driver[Symbol.asyncDispose](),
  };
}

/** What is no conflict and no refusal of the store's own went unanswered: an aborted signal, or a lost connection. */
function outcomeOf(error: unknown): OperationOutcome {
  if (error instanceof ConflictError) return "conflict";
  return error instanceof RefusedError ? "refused" : "unavailable";
}
