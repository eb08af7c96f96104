/**
 * Drivers that outlive their users.
 *
 * @module
 */
import type { StorageDriver } from "./driver.ts";

/** The same store for somebody who disposes it: the driver stays open, its owner closes it. */
export function borrow(driver: StorageDriver): StorageDriver {
  return {
    name: driver.name,
    read: (key, signal) => driver.read(key, signal),
    commit: (snapshot, changes, signal) => driver.commit(snapshot, changes, signal),
    list: (signal) => driver.list(signal),
    status: (signal) => driver.status(signal),
    ...(driver.presume && { presume: driver.presume.bind(driver) }),
    ...(driver.slices && { slices: driver.slices }),
    ...(driver.overlaps && { overlaps: driver.overlaps }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
