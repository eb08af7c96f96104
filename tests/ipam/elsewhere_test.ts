import assert from "node:assert/strict";
import { formatIp } from "../../src/address/ip.ts";
import { allocate } from "../../src/ipam/allocate.ts";
import { PoolExhaustedError } from "../../src/ipam/errors.ts";
import { directIpam, type Ipam } from "../../src/ipam/ipam.ts";
import { release } from "../../src/ipam/release.ts";
import { RESERVED_FOR } from "../../src/ipam/reserved.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { SILENT } from "../../src/world/log.ts";
import { faulty } from "../support/faulty.ts";
import { hurriedClock } from "../support/hurried_clock.ts";
import { memoryWorld } from "../support/world.ts";
import { assertAgreement, callers, config, ip, memory, never, owner } from "./lab.ts";

const WIDE = config(["10.0.0.0/24"]);
const NARROW = config(["10.0.0.0/29"]);
const FOUR = config(["10.0.0.1-10.0.0.4/28"]);

/** One process, whose clock the test advances, and the requests that it sends. */
function processOn(driver: StorageDriver) {
  const requests: string[] = [];
  let past = 0;
  const clock = { ...memoryWorld(), ...hurriedClock(), monotonic: () => past, lock: () => Promise.resolve(undefined) };
  const ipam: Ipam = directIpam(faulty(driver, ({ method }) => void requests.push(method)), clock, SILENT);
  return {
    requests,
    lists: () => requests.filter((method) => method === "reservation.list").length,
    pass: (milliseconds: number) => past += milliseconds,
    add: async (who: string, of = WIDE) =>
      (await allocate(ipam, of, owner(who), never())).map((one) => formatIp(one.ip)).join(),
    del: (who: string, of = WIDE) => release(ipam, of, owner(who), never()),
  };
}

/** A store in which another range has the addresses up to this one. */
async function storeWith(count: number): Promise<StorageDriver> {
  const driver = await memory();
  for (let i = 1; i <= count; i++) await callers(driver).add(`f${i}/net1/x`, NARROW);
  return driver;
}

Deno.test("allocate lists reserved addresses once for a burst, and not again for a second", async () => {
  await using driver = await storeWith(4);
  const { add, lists, requests, pass } = processOn(driver);
  const burst = await Promise.all(Array.from({ length: 10 }, (_, i) => add(`p${i}/net1/x`)));
  assert.equal(new Set(burst).size, 10);
  assert(lists() <= 2, requests.join(" "));
  const before = lists();
  pass(RESERVED_FOR - 1);
  requests.length = 0;
  assert.equal(await add("q/net1/x"), "10.0.0.15");
  assert.deepEqual(requests, ["read", "commit", "reservation.reserve"]);
  assert(before > 0);
  pass(2);
  assert.equal(await add("r/net1/x"), "10.0.0.16");
  assert.equal(lists(), 1);
  await assertAgreement(driver);
});

Deno.test("allocate skips an address that another process released a moment ago only while others are free", async () => {
  await using driver = await storeWith(2);
  const { add, pass } = processOn(driver);
  assert.equal(await add("a/net1/x", FOUR), "10.0.0.3");
  await callers(driver).del("f1/net1/x", NARROW);
  assert.equal(await add("b/net1/x", FOUR), "10.0.0.4");
  assert.equal(await add("c/net1/x", FOUR), "10.0.0.1", "the range is not exhausted");
  await callers(driver).del("f2/net1/x", NARROW);
  pass(RESERVED_FOR + 1);
  assert.equal(await add("d/net1/x", FOUR), "10.0.0.2");
  await assertAgreement(driver);
});

Deno.test("allocate leaves an address that was reserved after the list", async () => {
  await using driver = await storeWith(2);
  const { add, lists } = processOn(driver);
  assert.equal(await add("a/net1/x", FOUR), "10.0.0.3");
  await callers(driver).add("late/net1/x", config(["10.0.0.4-10.0.0.6/29"]));
  await assert.rejects(add("b/net1/x", FOUR), PoolExhaustedError);
  assert.equal(await add("b/net1/x"), "10.0.0.5");
  assert(lists() > 1);
  await assertAgreement(driver);
});

Deno.test("allocate allocates the address that the owner reserved before, if no other is free", async () => {
  await using driver = await storeWith(2);
  await driver.reservations?.create({ ...owner("a/net1/old"), network: "", ip: ip("10.0.0.4") }, never());
  const { add } = processOn(driver);
  assert.equal(await add("b/net1/x", FOUR), "10.0.0.3");
  assert.equal(await add("a/net1/x", FOUR), "10.0.0.4");
  await assertAgreement(driver);
});

Deno.test("allocate lists no owners if its own pool is exhausted", async () => {
  await using driver = await storeWith(2);
  const { add, lists } = processOn(driver);
  await add("a/net1/x", FOUR);
  await add("b/net1/x", FOUR);
  await callers(driver).del("f1/net1/x", NARROW);
  await callers(driver).del("f2/net1/x", NARROW);
  await add("c/net1/x", FOUR);
  await add("d/net1/x", FOUR);
  const before = lists();
  await assert.rejects(add("e/net1/x", FOUR), PoolExhaustedError);
  assert.equal(lists(), before);
});

Deno.test("allocate allocates an address that its own process released a moment ago", async () => {
  await using driver = await storeWith(2);
  const { add, del } = processOn(driver);
  assert.deepEqual([await add("a/net1/x"), await add("b/net1/y")], ["10.0.0.3", "10.0.0.4"]);
  await callers(driver).add("f3/net1/x", config(["10.0.0.5-10.0.0.6/29"]));
  assert.equal(await add("c/net1/x"), "10.0.0.6", "this list has every address so far");
  await del("b/net1/y");
  assert.equal(await add("d/net1/x"), "10.0.0.4");
  await assertAgreement(driver);
});
