import assert from "node:assert/strict";
import { directIpam, poolOf, poolsOf } from "../../src/ipam/ipam.ts";
import { allocateRequest } from "../../src/pool/requests.ts";
import { type Change, formatPoolKey } from "../../src/pool/types.ts";
import { SILENT } from "../../src/world/log.ts";
import { memoryWorld } from "../support/world.ts";
import { config, memory, never, owner, range } from "./lab.ts";

Deno.test("poolsOf names each pool once, in order", () => {
  const of = config(["10.0.0.0/24", "10.0.0.5-10.0.0.9/24", "2001:db8::/64", "10.0.0.0/25"], { networkName: "blue" });
  assert.deepEqual(poolsOf(of).map(formatPoolKey), ["blue/10.0.0.0/24", "blue/2001:db8::/64", "blue/10.0.0.0/25"]);
  assert.equal(formatPoolKey(poolOf({ networkName: "" }, range("10.0.0.7/24"))), "10.0.0.0/24");
});

Deno.test("directIpam commits at once, and tells what it is about to write", async () => {
  await using driver = await memory();
  const ipam = directIpam(driver, memoryWorld(), SILENT);
  const key = poolOf({ networkName: "" }, range("10.0.0.0/24"));
  const told: Change[] = [];
  const request = allocateRequest(owner("a/net1/x"), range("10.0.0.0/24"));
  const outcome = await ipam.commit(key, request, { signal: never(), onAttempt: (changes) => told.push(...changes) });
  assert.equal(outcome.kind, "allocated");
  assert.equal(told.length, 1);
  assert.equal((await driver.read(key, never())).allocations.size, 1);
});

Deno.test("directIpam makes processes of one node take turns at a pool, and at that pool only", async () => {
  await using driver = await memory();
  const world = memoryWorld();
  const [one, other] = [directIpam(driver, world, SILENT), directIpam(driver, world, SILENT)];
  const [key, elsewhere] = ["10.0.0.0/24", "10.1.0.0/24"].map((cidr) => poolOf({ networkName: "" }, range(cidr)));
  assert(key && elsewhere);
  const first = await one.turn(key, never());
  let had = false;
  const second = other.turn(key, never()).then((turn) => {
    had = true;
    return turn;
  });
  using _elsewhere = await other.turn(elsewhere, never());
  await world.advance(1_000);
  assert.equal(had, false);
  first?.[Symbol.dispose]();
  using _second = await second;
  assert.equal(had, true);
});

Deno.test("directIpam makes nobody wait for a pool of the same name in another store", async () => {
  await using driver = await memory();
  const world = memoryWorld();
  const key = poolOf({ networkName: "" }, range("10.0.0.0/24"));
  const [one, other] = ["hostile", "good"].map((store) => directIpam(driver, world, SILENT, store));
  using _held = await one?.turn(key, never());
  using _other = await other?.turn(key, never());
});
