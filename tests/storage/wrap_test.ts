import assert from "node:assert/strict";
import { openEmbedded } from "../../drivers/embedded/driver.ts";
import { allocateRequest } from "../../src/pool/requests.ts";
import type { PoolKey } from "../../src/pool/types.ts";
import { ConflictError, RefusedError, type StorageDriver, UnavailableError } from "../../src/storage/driver.ts";
import { update } from "../../src/storage/update.ts";
import { borrow, type Operation, retrying, wrap } from "../../src/storage/wrap.ts";
import { never } from "../ipam/lab.ts";
import { CIDR, owner, range } from "../pool/pools.ts";
import { hurriedClock } from "../support/hurried_clock.ts";

const KEY: PoolKey = { network: "", cidr: CIDR };
const POOL = { key: KEY, allocations: new Map(), version: 1 };
const RESERVATION = { network: "", ip: { family: 4 as const, value: 1n }, ...owner("a/net1/x") };

/** A store with every member of the contract, whose methods call the function with their path. */
function complete(answer: (path: string) => Promise<unknown>): StorageDriver {
  const methods = (path: string, names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, () => answer(`${path}${name}`)]));
  const own = methods("", [
    "read",
    "commit",
    "list",
    "locate",
    "status",
    "unreadable",
    "requireReservations",
    "refuseKeepers",
    "setMove",
  ]);
  return {
    ...own,
    name: "complete",
    snapshotFromRecord: () => POOL,
    migration: methods("migration.", ["older", "convert", "closed", "close", "empty"]),
    namespace: { name: "default", ...methods("namespace.", ["inUse"]) },
    slices: methods("slices.", ["find", "close", "open", "remove"]),
    workloads: methods("workloads.", ["findPod", "findClaim"]),
    reservations: methods("reservations.", [
      "reserve",
      "takeOver",
      "create",
      "release",
      "find",
      "list",
      "listAddresses",
    ]),
    [Symbol.asyncDispose]: () => answer("dispose"),
  } as unknown as StorageDriver;
}

/** Calls every method of the contract. */
function everyCall(driver: StorageDriver): Record<string, () => Promise<unknown>> {
  const { migration, namespace, slices, reservations, workloads } = driver;
  const record = { name: "r", key: KEY, entries: [], faults: [] };
  const signal = never();
  return {
    read: () => driver.read(KEY, signal),
    commit: () => driver.commit(POOL, [], signal),
    list: () => driver.list(signal),
    status: () => driver.status(signal),
    locate: async () => await driver.locate?.(RESERVATION.ip, signal),
    unreadable: async () => await driver.unreadable?.(signal),
    requireReservations: async () => await driver.requireReservations?.(POOL, true, signal),
    refuseKeepers: async () => await driver.refuseKeepers?.(POOL, "DaemonSet kube-system/whereabouts", signal),
    setMove: async () => await driver.setMove?.(POOL, undefined, signal),
    "workloads.findPod": async () => await workloads?.findPod("default/a", signal),
    "workloads.findClaim": async () => await workloads?.findClaim("default", "a", signal),
    "migration.older": async () => await migration?.older(signal),
    "migration.convert": async () => await migration?.convert(record, () => [], signal),
    "migration.closed": async () => await migration?.closed(signal),
    "migration.close": async () => await migration?.close(POOL, signal),
    "migration.empty": async () => await migration?.empty(POOL, signal),
    "namespace.inUse": async () => await namespace?.inUse(signal),
    "slices.find": async () => await slices?.find("n", signal),
    "slices.close": async () => await slices?.close(POOL, { closed: 1 }, signal),
    "slices.open": async () => await slices?.open(POOL, 1, signal),
    "slices.remove": async () => await slices?.remove(POOL, signal),
    "reservations.reserve": async () => await reservations?.reserve(RESERVATION, signal),
    "reservations.takeOver": async () => await reservations?.takeOver(RESERVATION, RESERVATION, signal),
    "reservations.create": async () => await reservations?.create(RESERVATION, signal),
    "reservations.release": async () => await reservations?.release(RESERVATION, signal),
    "reservations.find": async () => await reservations?.find("", RESERVATION.ip, signal),
    "reservations.list": async () => await reservations?.list(undefined, signal),
    "reservations.listAddresses": async () => await reservations?.listAddresses?.("", signal),
  };
}

Deno.test("wrap runs each operation of the contract once, and returns the store's result", async () => {
  const run: Operation[] = [];
  const driver = wrap(complete((path) => Promise.resolve(path)), (operation, work, signal) => {
    run.push(operation);
    return work(signal);
  });
  const calls = everyCall(driver);
  for (const [path, call] of Object.entries(calls)) assert.equal(await call(), path);
  assert.equal(run.length, Object.keys(calls).length);
  assert.deepEqual([driver.name, driver.namespace?.name, driver.snapshotFromRecord?.(KEY, new Map())], [
    "complete",
    "default",
    POOL,
  ]);
});

Deno.test("wrap omits members that the store lacks", async () => {
  await using driver = await openEmbedded({ kind: "embedded", path: ":memory:" });
  const borrowed = borrow(driver);
  assert.deepEqual(
    ["slices", "snapshotFromRecord", "migration", "namespace"].filter((member) => member in borrowed),
    [],
  );
  assert("reservations" in borrowed && "unreadable" in borrowed);
});

Deno.test("borrow returns the same store, which stays open when the result is disposed", async () => {
  await using driver = await openEmbedded({ kind: "embedded", path: ":memory:" });
  const { signal } = new AbortController();
  {
    await using borrowed = borrow(driver);
    await update(borrowed, KEY, () => [allocateRequest(owner("a/net1/x"), range())], { signal, clock: hurriedClock() });
    assert.equal((await borrowed.list(signal)).length, 1);
  }
  assert.equal((await driver.read(KEY, signal)).allocations.size, 1); // in memory: lost, had it been closed
});

Deno.test("retrying repeats idempotent operations, and no others", async () => {
  const calls = new Map<string, number>();
  const once = (path: string) => {
    const count = (calls.get(path) ?? 0) + 1;
    calls.set(path, count);
    return count === 1 ? Promise.reject(new UnavailableError("429: too many requests")) : Promise.resolve(path);
  };
  const failed: string[] = [];
  for (const [path, call] of Object.entries(everyCall(retrying(complete(once), hurriedClock())))) {
    await call().catch(() => failed.push(path));
  }
  // a commit is retried with its decision; a conversion waits for locks; the others compare with an earlier snapshot
  assert.deepEqual(failed.toSorted(), [
    ...["commit", "migration.close", "migration.convert", "refuseKeepers", "requireReservations"],
    ...["setMove", "slices.close", "slices.open", "slices.remove"],
  ]);
});

Deno.test("retrying passes refusals on", async () => {
  for (const error of [new RefusedError("no"), new Error("broken")]) {
    const driver = retrying(complete(() => Promise.reject(error)), hurriedClock());
    await assert.rejects(driver.read(KEY, never()), error);
  }
  const conflict = retrying(complete(() => Promise.reject(new ConflictError("changed"))), hurriedClock());
  await assert.rejects(conflict.commit(POOL, [], never()), ConflictError);
});
