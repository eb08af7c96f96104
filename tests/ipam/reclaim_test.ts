import assert from "node:assert/strict";
import { freeOrphans, freeReservations, reserveEntries } from "../../src/ipam/reclaim.ts";
import { findOrphans } from "../../src/pool/orphans.ts";
import { openStore, pod } from "../controllers/lab.ts";

const NEVER = new AbortController().signal;

Deno.test("freeOrphans frees many, asking for each pod once, and keeps those whose pods live", async () => {
  await using store = await openStore();
  for (let i = 0; i < 120; i++) await store.add(`p${i}`);
  const orphans = findOrphans(await store.ipam.driver.list(NEVER), []);
  const asked: string[] = [];
  const find = (podRef: string) => {
    asked.push(podRef);
    return Promise.resolve(podRef === "default/p7" ? pod("p7") : undefined);
  };
  const { done, failures } = await freeOrphans(store.ipam, orphans, find, NEVER);
  assert.deepEqual([done.length, failures, asked.length, new Set(asked).size], [119, [], 120, 120]);
  assert.deepEqual(await store.held(), ["default/p7"]);
});

Deno.test("freeOrphans says which are to be tried again, which are kept, and stops at none", async () => {
  await using store = await openStore();
  for (const name of ["a", "bad", "lives"]) await store.add(name);
  const orphans = findOrphans(await store.ipam.driver.list(NEVER), []);
  const find = (podRef: string) => {
    if (podRef === "default/bad") return Promise.reject(new Error("forbidden"));
    return Promise.resolve(podRef === "default/lives" ? pod("lives") : undefined);
  };
  const { done, kept, failed, failures } = await freeOrphans(store.ipam, orphans, find, NEVER);
  const names = (list: typeof done) => list.map(({ allocation }) => allocation.podRef);
  assert.deepEqual([names(done), names(kept), names(failed)], [["default/a"], ["default/lives"], ["default/bad"]]);
  assert.deepEqual([failures.map(String), await store.held()], [["Error: forbidden"], [
    "default/bad",
    "default/lives",
  ]]);
});

Deno.test("freeOrphans leaves an entry that another sandbox has taken over since", async () => {
  await using store = await openStore();
  await store.add("db", "old");
  const orphans = findOrphans(await store.ipam.driver.list(NEVER), []);
  await store.add("db", "new");
  const { done } = await freeOrphans(store.ipam, orphans, () => Promise.resolve(undefined), NEVER);
  assert.deepEqual([done, await store.held()], [[], ["default/db"]]);
});

Deno.test("freeOrphans rejects with the reason when it is told to stop, instead of reporting failures", async () => {
  await using store = await openStore();
  await store.add("a");
  const orphans = findOrphans(await store.ipam.driver.list(NEVER), []);
  const stop = new AbortController();
  const find = () => {
    stop.abort(new Error("no longer the leader"));
    return Promise.reject(new Error("cut"));
  };
  await assert.rejects(freeOrphans(store.ipam, orphans, find, stop.signal), /no longer the leader/);
  assert.deepEqual(await store.held(), ["default/a"]);
});

Deno.test("freeReservations deletes what did not change, and nothing else", async () => {
  await using store = await openStore();
  await store.add("a", "old");
  await store.add("b");
  const { overlaps } = store.ipam.driver;
  assert(overlaps);
  const strays = (await overlaps.list(undefined, NEVER)).map((reservation) => ({ reservation }));
  await store.add("a", "new");
  const { done, failures } = await freeReservations(store.ipam, strays, () => Promise.resolve(undefined), NEVER);
  assert.deepEqual([done.map(({ reservation }) => reservation.podRef), failures], [["default/b"], []]);
  assert.deepEqual((await overlaps.list(undefined, NEVER)).map(({ containerId }) => containerId), ["new"]);
});

Deno.test("reserveEntries takes a reservation back whose entry went while it was made", async () => {
  await using store = await openStore();
  await store.add("a");
  const { overlaps } = store.ipam.driver;
  assert(overlaps);
  for (const one of await overlaps.list(undefined, NEVER)) await overlaps.release(one, NEVER);
  const [pool] = await store.ipam.driver.list(NEVER);
  assert(pool);
  const entries = [...pool.allocations.values()].map((allocation) => ({ key: pool.key, allocation }));
  await freeOrphans(store.ipam, findOrphans([pool], []), () => Promise.resolve(undefined), NEVER);
  const { done } = await reserveEntries(store.ipam, entries, NEVER);
  assert.deepEqual([done, await overlaps.list(undefined, NEVER)], [[], []]);
});
