import assert from "node:assert/strict";
import { releaseLeftover, reservationOf } from "../../src/ipam/release_reservation.ts";
import type { Allocation } from "../../src/pool/types.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { faulty, type Plan } from "../support/faulty.ts";
import { callers, config, contents, ip, ipamOn, memory, never, owner, range } from "./lab.ts";

const KEY = { network: "", cidr: range("10.0.0.0/24").cidr };
const GONE: Allocation = { ...owner("a/net1/x"), address: ip("10.0.0.1").value };

async function reserve(driver: StorageDriver, who: string): Promise<void> {
  const wanted = { ...owner(who), network: "", ip: ip("10.0.0.1") };
  const result = await driver.reservations?.reserve(wanted, never());
  if (result?.kind === "own") await driver.reservations?.takeOver(result.reservation, wanted, never());
}

async function leftover(driver: StorageDriver, plan: Plan = () => undefined): Promise<void> {
  const store = faulty(driver, plan);
  assert(store.reservations);
  await releaseLeftover({ ipam: ipamOn(store), reservations: store.reservations, key: KEY, signal: never() }, GONE);
}

Deno.test("reservationOf has the entry's owner, address and network", () => {
  assert.deepEqual(reservationOf({ ...KEY, network: "blue" }, GONE), {
    ...owner("a/net1/x"),
    network: "blue",
    ip: ip("10.0.0.1"),
  });
});

Deno.test("releaseLeftover deletes a reservation of the interface that no entry depends on", async () => {
  for (const who of ["a/net1/x", "a/net1/other", "a//"]) {
    await using driver = await memory();
    await reserve(driver, who);
    await leftover(driver);
    assert.deepEqual(await contents(driver), {}, who);
  }
});

Deno.test("releaseLeftover leaves other owners' reservations, without further requests", async () => {
  for (const who of ["b/net1/x", "a/net2/x"]) {
    await using driver = await memory();
    await reserve(driver, who);
    const asked: string[] = [];
    await leftover(driver, ({ method }) => void asked.push(method));
    assert.deepEqual(asked, ["reservation.find"]);
    assert.deepEqual(await contents(driver), { "reserved 10.0.0.1": who });
  }
});

Deno.test("releaseLeftover leaves a reservation that an entry of any pool depends on", async () => {
  for (const cidr of ["10.0.0.0/24", "10.0.0.0/16"]) {
    await using driver = await memory();
    await callers(driver).add("a/net1/newer", config([cidr]));
    const before = await contents(driver);
    await leftover(driver);
    assert.deepEqual(await contents(driver), before);
  }
});

Deno.test("releaseLeftover leaves a reservation that was taken over concurrently", async () => {
  await using driver = await memory();
  await reserve(driver, "a/net1/old");
  await leftover(driver, async ({ method }) => {
    if (method === "reservation.release") await reserve(driver, "a/net1/newest");
    return undefined;
  });
  assert.deepEqual(await contents(driver), { "reserved 10.0.0.1": "a/net1/newest" });
});
