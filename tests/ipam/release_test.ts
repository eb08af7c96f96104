import assert from "node:assert/strict";
import { release } from "../../src/ipam/release.ts";
import { allocate } from "../../src/ipam/allocate.ts";
import { formatIp } from "../../src/address/ip.ts";
import { RefusedError, UnavailableError } from "../../src/storage/driver.ts";
import { faulty } from "../support/faulty.ts";
import type { RecordedEntry } from "../../src/ipam/recorded.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import {
  assertAgreement,
  callers,
  config,
  contents,
  ip,
  ipamOn,
  memory,
  never,
  owner,
  range,
  withoutReservations,
} from "./lab.ts";

const DUAL = config(["10.0.0.0/24", "2001:db8::/64"]);
const PLAIN = config(["10.0.0.0/24"]);

Deno.test("release removes entry and reservation of every range, and leaves those of others", async () => {
  await using driver = await memory();
  const { add, del } = callers(driver);
  for (const who of ["a/net1/x", "a/net2/x", "b/net1/y"]) await add(who, DUAL);
  assert.deepEqual(await del("a/net1/x", DUAL), ["10.0.0.1", "2001:db8::1"]);
  await assertAgreement(driver);
  assert.equal(Object.keys(await contents(driver)).length, 8);
});

Deno.test("release succeeds without entries and writes nothing, not even a pool: Q-18", async () => {
  await using driver = await memory();
  for (const  of of[DUAL, { ...DUAL, overlapping: false }]) {
    const asked: string[] = [];
    const { del } = callers(driver, ({ method, writes }) => void (writes && asked.push(method)));
    assert.deepEqual(await del("a/net1/x", of), []);
    assert.deepEqual(asked, []);
  }
  assert.deepEqual(await driver.list(never()), []);
});

Deno.test("release matches sandbox and interface, never address or pod", async () => {
  await using driver = await memory();
  const { add, del } = callers(driver);
  await add("a/net1/x", PLAIN);
  for (const other of ["a/net1/other", "a/net2/x", "a//x", "a/net1/"]) assert.deepEqual(await del(other, PLAIN), []);
  assert.deepEqual(await del("whatever/net1/x", PLAIN), ["10.0.0.1"]);
  assert.deepEqual(await contents(driver), {});
});

Deno.test("release finds entries without an interface name, and their reservations: Q-22", async () => {
  await using driver = await memory();
  const legacy = { ...owner("a//x"), address: ip("10.0.0.7").value };
  const empty = await driver.read({ network: "", cidr: range("10.0.0.0/24").cidr }, never());
  await driver.commit(empty, [{ address: legacy.address, after: legacy }], never());
  await driver.reservations?.reserve({ ...owner("a//"), network: "", ip: ip("10.0.0.7") }, never());
  assert.deepEqual(await callers(driver).del("a/net1/x", PLAIN), ["10.0.0.7"]);
  assert.deepEqual(await contents(driver), {});
});

Deno.test("release leaves the reservation of another owner: Q-08", async () => {
  await using driver = await memory();
  const { add, del } = callers(driver);
  await callers(withoutReservations(driver)).add("a/net1/x", PLAIN);
  await add("b/net1/y", config(["10.0.0.0/25"]));
  assert.deepEqual(await del("a/net1/x", PLAIN), ["10.0.0.1"]);
  assert.deepEqual(await contents(driver), { "10.0.0.0/25 10.0.0.1": "b/net1/y", "reserved 10.0.0.1": "b/net1/y" });
});

Deno.test("release continues if a reservation is missing: Q-02", async () => {
  await using driver = await memory();
  const { add, del } = callers(driver);
  await add("a/net1/x", DUAL);
  await driver.reservations?.release({ ...owner("a/net1/x"), network: "", ip: ip("10.0.0.1") }, never());
  assert.deepEqual(await del("a/net1/x", DUAL), ["10.0.0.1", "2001:db8::1"]);
  assert.deepEqual(await contents(driver), {});
});

Deno.test("release tries every pool, even if others fail, and reports all failures", async () => {
  await using driver = await memory();
  const three = config(["10.0.0.0/24", "10.1.0.0/24", "2001:db8::/64"]);
  await callers(driver).add("a/net1/x", three);
  const one = callers(
    driver,
    ({ object }) => object.startsWith("10.0.") ? { done: false, then: "unavailable" } : undefined,
  );
  await assert.rejects(one.del("a/net1/x", three), UnavailableError);
  assert.deepEqual(Object.keys(await contents(driver)), ["10.0.0.0/24 10.0.0.1", "reserved 10.0.0.1"]);
  await callers(driver).add("a/net1/x", three);
  const two = callers(driver, ({ object }) => object.startsWith("10.") ? { done: false, then: "refused" } : undefined);
  await assert.rejects(two.del("a/net1/x", three), (error) => {
    assert(error instanceof AggregateError, String(error));
    assert.deepEqual(error.errors.map((each) => each instanceof RefusedError), [true, true]);
    return true;
  });
  assert.equal(Object.keys(await contents(driver)).length, 4);
});

Deno.test("release deletes the entry before the reservation, and nothing if the entry cannot be deleted", async () => {
  await using driver = await memory();
  await callers(driver).add("a/net1/x", PLAIN);
  const before = await contents(driver);
  const { del } = callers(driver, ({ method }) => method === "commit" ? { done: false, then: "refused" } : undefined);
  await assert.rejects(del("a/net1/x", PLAIN), RefusedError);
  assert.deepEqual(await contents(driver), before);
  assert.deepEqual(await callers(driver).del("a/net1/x", PLAIN), ["10.0.0.1"]);
  assert.deepEqual(await contents(driver), {});
});

/** The record of `a/net1/old`, whose entry another plugin took over: it changes only the container id of the entry. */
async function takenOverByOriginal(driver: StorageDriver): Promise<readonly RecordedEntry[]> {
  const [given] = await allocate(ipamOn(driver), PLAIN, owner("a/net1/old"), never());
  assert(given);
  const { key, allocation: before } = given.entry;
  const change = { address: before.address, before, after: { ...before, containerId: "new" } };
  await driver.commit(await driver.read(key, never()), [change], never());
  return [given.entry];
}

Deno.test("release leaves the reservation if the original took over the entry, with and without a record", async () => {
  for (const remembers of [true, false]) {
    await using driver = await memory();
    const recorded = await takenOverByOriginal(driver);
    const before = await contents(driver);
    assert.equal(before["reserved 10.0.0.1"], "a/net1/old");
    const held = remembers ? recorded : [];
    assert.deepEqual(await release(ipamOn(driver), PLAIN, owner("a/net1/old"), never(), held), []);
    assert.deepEqual(await contents(driver), before);
    assert.deepEqual(await callers(driver).add("b/net1/y", config(["10.0.0.0/16"])), ["10.0.0.2"]);
  }
});

Deno.test("release repeated after a crash between entry and reservation finds the reservation by the node's record", async () => {
  for (const comes of [undefined, "b/net1/y", "a/net1/new", "a/net2/new"]) {
    await using driver = await memory();
    const [given] = await allocate(ipamOn(driver), PLAIN, owner("a/net1/x"), never());
    assert(given);
    const entry = { address: given.entry.allocation.address, before: given.entry.allocation };
    await driver.commit(await driver.read(given.entry.key, never()), [entry], never());
    if (comes) await callers(driver).add(comes, PLAIN);
    await release(ipamOn(driver), PLAIN, owner("a/net1/x"), never(), [given.entry]);
    const stored = await contents(driver);
    assert.deepEqual(Object.values(stored).filter((who) => who === "a/net1/x"), [], comes);
    if (comes) assert.equal(Object.values(stored).filter((who) => who === comes).length, 2, comes);
  }
});

Deno.test("release deletes the reservation that ADD made, even if reservations are off by now", async () => {
  for (const remembers of [true, false]) {
    await using driver = await memory();
    const given = await allocate(ipamOn(driver), DUAL, owner("a/net1/x"), never());
    const off = { ...DUAL, overlapping: false };
    await release(ipamOn(driver), off, owner("a/net1/x"), never(), remembers ? given.map(({ entry }) => entry) : []);
    assert.deepEqual(await contents(driver), {});
  }
});

Deno.test("release reads no reservation if ADD made none", async () => {
  await using driver = await memory();
  const off = { ...PLAIN, overlapping: false };
  const given = await allocate(ipamOn(driver), off, owner("a/net1/x"), never());
  const asked: string[] = [];
  const store = faulty(driver, ({ method }) => void asked.push(method));
  await release(ipamOn(store), off, owner("a/net1/x"), never(), given.map(({ entry }) => entry));
  assert.deepEqual(asked, ["read", "commit"]);
});

Deno.test("release finds the reservation that an interrupted takeover left with another sandbox", async () => {
  for (
    const [entry, reserved] of [["a/net1/x", "a/net1/old"], ["a/net1/x", "a/net1/newer"], ["a/net1/x", "a//"]] as const
  ) {
    await using driver = await memory();
    await callers(driver).add(entry, { ...PLAIN, overlapping: false });
    await driver.reservations?.reserve({ ...owner(reserved), network: "", ip: ip("10.0.0.1") }, never());
    assert.deepEqual(await callers(driver).del(entry, PLAIN), ["10.0.0.1"]);
    assert.deepEqual(await contents(driver), {}, reserved);
  }
});

Deno.test("release leaves the reservation of the same interface's entry in another pool", async () => {
  await using driver = await memory();
  const { add, del } = callers(driver);
  await add("a/net1/old", PLAIN);
  await callers(withoutReservations(driver)).add("a/net1/new", config(["10.0.0.0/25"]));
  assert.deepEqual(await del("a/net1/new", config(["10.0.0.0/25"])), ["10.0.0.1"]);
  assert.deepEqual(await contents(driver), { "10.0.0.0/24 10.0.0.1": "a/net1/old", "reserved 10.0.0.1": "a/net1/old" });
});

Deno.test("release also removes recorded entries from pools that are no longer configured", async () => {
  await using driver = await memory();
  const given = await allocate(ipamOn(driver), DUAL, owner("a/net1/x"), never());
  const recorded = given.map(({ entry }) => entry);
  const released = await release(ipamOn(driver), PLAIN, owner("a/net1/x"), never(), recorded);
  assert.deepEqual(released.map(formatIp), ["10.0.0.1", "2001:db8::1"]);
  assert.deepEqual(await contents(driver), {});
});

Deno.test("release ends with its signal's reason", async () => {
  await using driver = await memory();
  await callers(driver).add("a/net1/x", PLAIN);
  const reason = new Error("Too late");
  const controller = new AbortController();
  const store = faulty(driver, ({ method }) => {
    if (method !== "commit") return undefined;
    controller.abort(reason);
    return { done: false, then: "silent" };
  });
  await assert.rejects(release(ipamOn(store), PLAIN, owner("a/net1/x"), controller.signal), reason);
  assert.deepEqual(await callers(driver).del("a/net1/x", PLAIN), ["10.0.0.1"]);
});
