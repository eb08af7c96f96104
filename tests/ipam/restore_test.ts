import assert from "node:assert/strict";
import { allocate } from "../../src/ipam/allocate.ts";
import type { RecordedEntry } from "../../src/ipam/recorded.ts";
import { restoreEntry } from "../../src/ipam/restore.ts";
import { release } from "../../src/ipam/release.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { faulty } from "../support/faulty.ts";
import { callers, config, contents, ipamOn, memory, never, owner } from "./lab.ts";

const WIDE = config(["10.0.0.0/24"]);
const NARROW = config(["10.0.0.0/25"]);

/** The entry of `a/net1/x`, in a store that lost it. */
async function lost(driver: StorageDriver, of = WIDE): Promise<RecordedEntry> {
  const [given] = await allocate(ipamOn(driver), of, owner("a/net1/x"), never());
  assert(given);
  await release(ipamOn(driver), of, owner("a/net1/x"), never(), [given.entry]);
  assert.deepEqual(await contents(driver), {});
  return given.entry;
}

Deno.test("restoreEntry recreates entry and reservation, and only the entry if ADD made no reservation", async () => {
  for (const overlapping of [true, false]) {
    await using driver = await memory();
    const held = await lost(driver, { ...WIDE, overlapping });
    assert.equal((await restoreEntry(ipamOn(driver), held, never())).kind, "restored");
    const stored = await contents(driver);
    assert.equal(stored["10.0.0.0/24 10.0.0.1"], "a/net1/x");
    assert.equal(stored["reserved 10.0.0.1"], overlapping ? "a/net1/x" : undefined);
    assert.equal((await restoreEntry(ipamOn(driver), held, never())).kind, "present");
    assert.deepEqual(await contents(driver), stored);
  }
});

Deno.test("restoreEntry overwrites neither entries nor reservations of others", async () => {
  for (const  of of[WIDE, NARROW]) {
    await using driver = await memory();
    const held = await lost(driver);
    await callers(driver).add("b/net1/y", of);
    const before = await contents(driver);
    const outcome = await restoreEntry(ipamOn(driver), held, never());
    assert(outcome.kind === "duplicate");
    assert.equal(outcome.holder.podRef, "b");
    assert.deepEqual(await contents(driver), before);
  }
});

Deno.test("restoreEntry leaves records of a newer sandbox of the interface, earlier or concurrent", async () => {
  await using driver = await memory();
  const held = await lost(driver);
  await callers(driver).add("a/net1/new", WIDE);
  const before = await contents(driver);
  assert.equal((await restoreEntry(ipamOn(driver), held, never())).kind, "present");
  assert.deepEqual(await contents(driver), before);
  await callers(driver).del("a/net1/new", WIDE);
  const store = faulty(driver, async ({ method, index }) => {
    if (method === "reservation.reserve" && index === 2) await callers(driver).add("a/net1/new", WIDE);
    return undefined;
  });
  assert.equal((await restoreEntry(ipamOn(store), held, never())).kind, "present");
  assert.deepEqual(await contents(driver), before);
});
