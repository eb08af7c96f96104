import assert from "node:assert/strict";
import { freeOrphans, freeReservations, reserveEntries, restoreEntries } from "../../src/ipam/reclaim.ts";
import { findOrphans } from "../../src/pool/orphans.ts";
import { openStore, type Store } from "../controllers/lab.ts";

const NEVER = new AbortController().signal;

/** Every entry, as an orphan. */
async function orphansOf(store: Store) {
  return findOrphans(await store.ipam.driver.list(NEVER), []);
}

Deno.test("freeOrphans frees entries, and returns the freed ones", async () => {
  await using store = await openStore();
  for (const name of ["a", "b", "c"]) await store.add(name);
  const [a, , c] = await orphansOf(store);
  assert(a && c);
  const done = await freeOrphans(store.ipam, [a, c], NEVER);
  assert.deepEqual([done, await store.owners()], [[a, c], ["default/b"]]);
});

Deno.test("freeOrphans leaves an entry that another sandbox took over", async () => {
  await using store = await openStore();
  await store.add("db", "old");
  const orphans = await orphansOf(store);
  await store.add("db", "new");
  assert.deepEqual([await freeOrphans(store.ipam, orphans, NEVER), await store.owners()], [[], ["default/db"]]);
});

Deno.test("freeOrphans rejects with the signal's reason", async () => {
  await using store = await openStore();
  await store.add("a");
  const stop = AbortSignal.abort(new Error("no longer the leader"));
  await assert.rejects(freeOrphans(store.ipam, await orphansOf(store), stop), /no longer the leader/);
  assert.deepEqual(await store.owners(), ["default/a"]);
});

Deno.test("freeReservations deletes only unchanged reservations", async () => {
  await using store = await openStore();
  await store.add("a", "old");
  await store.add("b");
  const { reservations } = store.ipam.driver;
  assert(reservations);
  const strays = (await reservations.list(undefined, NEVER)).map((reservation) => ({ reservation }));
  await store.add("a", "new");
  const { done, failures } = await freeReservations(store.ipam, strays, NEVER);
  assert.deepEqual([done.map(({ reservation }) => reservation.podRef), failures], [["default/b"], []]);
  assert.deepEqual((await reservations.list(undefined, NEVER)).map(({ containerId }) => containerId), ["new"]);
});

/** A store with the entry of one pod. */
async function oneEntry() {
  const store = await openStore();
  await store.add("a");
  const { reservations } = store.ipam.driver;
  const [pool] = await store.ipam.driver.list(NEVER);
  const [allocation] = pool?.allocations.values() ?? [];
  assert(reservations && pool && allocation);
  return { store, reservations, entry: { key: pool.key, allocation } };
}

Deno.test("reserveEntries deletes a reservation whose entry was removed concurrently", async () => {
  const { store, reservations, entry } = await oneEntry();
  await using _ = store;
  await freeOrphans(store.ipam, await orphansOf(store), NEVER);
  const { done } = await reserveEntries(store.ipam, [entry], NEVER);
  assert.deepEqual([done, await reservations.list(undefined, NEVER)], [[], []]);
});

Deno.test("restoreEntries recreates a lost entry from its reservation, with node and uid", async () => {
  const { store, entry } = await oneEntry();
  await using _ = store;
  await loseEntries(store);
  const { done, failures } = await restoreEntries(store.ipam, [entry], NEVER);
  assert.deepEqual([done, failures, await store.owners()], [[entry], [], ["default/a"]]);
});

Deno.test("restoreEntries skips an address with another entry, and removes an entry whose reservation was deleted", async () => {
  const { store, reservations, entry } = await oneEntry();
  await using _ = store;
  await loseEntries(store);
  for (const one of await reservations.list(undefined, NEVER)) await reservations.release(one, NEVER);
  assert.deepEqual([(await restoreEntries(store.ipam, [entry], NEVER)).done, await store.owners()], [[], []]);
  await store.add("b");
  assert.deepEqual([(await restoreEntries(store.ipam, [entry], NEVER)).done, await store.owners()], [[], [
    "default/b",
  ]]);
});

Deno.test("restoreEntries skips an owner that has another entry by now: its ADD was faster", async () => {
  const { store, entry } = await oneEntry();
  await using _ = store;
  await loseEntries(store);
  await store.add("b"); // gets the next address, since the first one is reserved
  const [pool] = await store.ipam.driver.list(NEVER);
  const [other] = pool?.allocations.values() ?? [];
  assert(pool && other);
  const keeper = { kind: "IPAMClaim", name: "vm", uid: "u1" } as const;
  const lost = { key: entry.key, allocation: { ...entry.allocation, keeper } };
  const { address } = other;
  for (const after of [{ ...other, keeper }, { ...entry.allocation, address }]) {
    const current = await store.ipam.driver.read(entry.key, NEVER);
    const before = current.allocations.get(address);
    assert(before);
    await store.ipam.driver.commit(current, [{ address, before, after }], NEVER);
    assert.deepEqual((await restoreEntries(store.ipam, [lost], NEVER)).done, []);
    assert.equal((await store.owners()).length, 1);
  }
});

/** Deletes entries without their reservations, as deleting an IPPool does. */
async function loseEntries({ ipam: { driver } }: Store): Promise<void> {
  for (const snapshot of await driver.list(NEVER)) {
    const changes = [...snapshot.allocations.values()].map((before) => ({ address: before.address, before }));
    await driver.commit(snapshot, changes, NEVER);
  }
}
