import assert from "node:assert/strict";
import { allocate } from "../../src/ipam/allocate.ts";
import { SupersededError } from "../../src/ipam/errors.ts";
import { reserve } from "../../src/ipam/reserve.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { faulty } from "../support/faulty.ts";
import { callers, config, contents, ip, ipamOn, memory, never, owner, range } from "./lab.ts";

const WIDE = config(["10.0.0.0/24"]);
const NARROW = config(["10.0.0.0/25"]);

/** Writes an entry at 10.0.0.1, as another plugin or a crashed call may have left it. */
async function enter(driver: StorageDriver, who: string, cidr = "10.0.0.0/24"): Promise<void> {
  const address = ip("10.0.0.1").value;
  const pool = await driver.read({ network: "", cidr: range(cidr).cidr }, never());
  const before = pool.allocations.get(address);
  await driver.commit(pool, [{ address, ...(before && { before }), after: { ...owner(who), address } }], never());
}

async function reserveAs(driver: StorageDriver, who: string, former?: string) {
  assert(driver.reservations);
  const wanted = { ...owner(who), network: "", ip: ip("10.0.0.1") };
  return await reserve(ipamOn(driver), driver.reservations, wanted, former, never());
}

Deno.test("reserve takes over from the sandbox whose entry was taken over, without listing pools", async () => {
  await using driver = await memory();
  await callers(driver).add("a/net1/old", WIDE);
  await enter(driver, "a/net1/new");
  const asked: string[] = [];
  const result = await reserveAs(faulty(driver, ({ method }) => void asked.push(method)), "a/net1/new", "old");
  assert.equal(result.kind, "kept");
  assert.deepEqual(asked, ["reservation.reserve", "reservation.takeOver"]);
  assert.equal((await contents(driver))["reserved 10.0.0.1"], "a/net1/new");
});

Deno.test("reserve refuses the delayed call of an old sandbox, and writes nothing", async () => {
  for (const former of [undefined, "older"]) {
    await using driver = await memory();
    await callers(driver).add("a/net1/new", WIDE);
    const before = await contents(driver);
    await assert.rejects(reserveAs(driver, "a/net1/old", former), (error) => {
      assert(error instanceof SupersededError);
      assert.match(
        error.message,
        /^Address 10\.0\.0\.1 is no longer allocated to container old: .* a \(net1\) .*retry/,
      );
      return true;
    });
    assert.deepEqual(await contents(driver), before);
  }
});

Deno.test("reserve takes over the reservation of a call that ended between its two writes", async () => {
  await using driver = await memory();
  await callers(driver).add("a/net1/old", { ...WIDE, overlapping: true });
  await enter(driver, "a/net1/new"); // the old entry was removed, the address was free
  assert.equal((await reserveAs(driver, "a/net1/new")).kind, "kept");
  assert.equal((await contents(driver))["reserved 10.0.0.1"], "a/net1/new");
});

Deno.test("reserve decides again if the reservation is taken over concurrently", async () => {
  await using driver = await memory();
  await callers(driver).add("a/net1/old", WIDE);
  await enter(driver, "a/net1/new");
  let changes = 0;
  const store = faulty(driver, async ({ method }) => {
    if (method !== "reservation.takeOver" || changes++ > 0) return undefined;
    await enter(driver, "a/net1/newest");
    await reserveAs(driver, "a/net1/newest", "new");
    return undefined;
  });
  await assert.rejects(reserveAs(store, "a/net1/new", "old"), SupersededError);
  assert.equal((await contents(driver))["reserved 10.0.0.1"], "a/net1/newest");
});

Deno.test("allocate leaves the reservation of the same interface in another pool, and allocates another address", async () => {
  await using driver = await memory();
  const { add, del } = callers(driver);
  assert.deepEqual(await add("a/net1/old", WIDE), ["10.0.0.1"]);
  assert.deepEqual(await add("a/net1/new", NARROW), ["10.0.0.2"]);
  assert.deepEqual(await del("a/net1/old", WIDE), ["10.0.0.1"]);
  assert.deepEqual(await contents(driver), { "10.0.0.0/25 10.0.0.2": "a/net1/new", "reserved 10.0.0.2": "a/net1/new" });
});

Deno.test("allocate respects a reservation without an interface that the pod's other interface uses", async () => {
  for (const entry of ["a//x", "a/net1/x"]) {
    await using driver = await memory();
    await enter(driver, entry);
    await driver.reservations?.create({ ...owner("a//"), network: "", ip: ip("10.0.0.1") }, never());
    assert.deepEqual(await callers(driver).add("a/net2/x", config(["10.0.0.0/16"])), ["10.0.0.2"], entry);
    const stored = await contents(driver);
    assert.deepEqual([stored["10.0.0.0/24 10.0.0.1"], stored["reserved 10.0.0.1"]], [entry, "a//"]);
  }
});

Deno.test("allocate allocates an address whose reservation is released during the call", async () => {
  await using driver = await memory();
  const { key, allocation } = (await allocate(ipamOn(driver), WIDE, owner("a/net1/x"), never()))[0]?.entry ?? {};
  assert(key && allocation);
  const change = { address: allocation.address, before: allocation };
  await driver.commit(await driver.read(key, never()), [change], never()); // a DEL, between its two writes
  const going = callers(driver, async ({ method }) => {
    if (method !== "reservation.list") return undefined;
    const found = await driver.reservations?.find("", ip("10.0.0.1"), never());
    assert(found && await driver.reservations?.release(found, never()));
    return undefined;
  });
  assert.deepEqual(await going.add("b/net1/y", WIDE), ["10.0.0.1"]);
});

for (const by of ["this call", "an earlier call of its sandbox"]) {
  Deno.test(`allocate stops if a newer sandbox took over the entry of ${by}`, () => assertSuperseded(by));
}

async function assertSuperseded(by: string): Promise<void> {
  await using driver = await memory();
  await callers(driver).add("b/net1/y", NARROW);
  if (by !== "this call") await enter(driver, "a/net1/old");
  let came = false;
  const late = callers(driver, async ({ method }) => {
    if (method !== "reservation.list" || came) return undefined;
    came = true;
    await callers(driver).add("a/net1/new", WIDE);
    return undefined;
  });
  await assert.rejects(late.add("a/net1/old", WIDE), (error) => {
    assert(error instanceof SupersededError);
    assert.match(
      error.message,
      /^Container new, a newer sandbox of a \(net1\), took over its entry in pool 10\.0\.0\.0\/24 /,
    );
    return true;
  });
  assert.deepEqual(await callers(driver).del("a/net1/old", WIDE), []);
  assert.equal((await contents(driver))["10.0.0.0/24 10.0.0.2"], "a/net1/new");
  assert.equal((await contents(driver))["reserved 10.0.0.2"], "a/net1/new");
}
