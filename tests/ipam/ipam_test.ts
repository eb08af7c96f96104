import assert from "node:assert/strict";
import { directIpam, poolOf, poolsOf } from "../../src/ipam/ipam.ts";
import { allocateRequest } from "../../src/pool/requests.ts";
import { type Change, formatPoolKey } from "../../src/pool/types.ts";
import { SILENT } from "../../src/world/log.ts";
import { memoryWorld } from "../support/world.ts";
import { config, memory, never, owner, range } from "./lab.ts";

Deno.test("poolsOf returns each pool once, in order", () => {
  const of = config(["10.0.0.0/24", "10.0.0.5-10.0.0.9/24", "2001:db8::/64", "10.0.0.0/25"], { networkName: "blue" });
  assert.deepEqual(poolsOf(of).map(formatPoolKey), ["blue/10.0.0.0/24", "blue/2001:db8::/64", "blue/10.0.0.0/25"]);
  assert.equal(formatPoolKey(poolOf({ networkName: "" }, range("10.0.0.7/24"))), "10.0.0.0/24");
});

Deno.test("directIpam commits directly, and reports changes before each write", async () => {
  await using driver = await memory();
  const ipam = directIpam(driver, memoryWorld(), SILENT);
  const key = poolOf({ networkName: "" }, range("10.0.0.0/24"));
  const reported: Change[] = [];
  const request = allocateRequest(owner("a/net1/x"), range("10.0.0.0/24"));
  const outcome = await ipam.commit(key, request, {
    signal: never(),
    onAttempt: (changes) => reported.push(...changes),
  });
  assert.equal(outcome.kind, "allocated");
  assert.equal(reported.length, 1);
  assert.equal((await driver.read(key, never())).allocations.size, 1);
});

Deno.test("directIpam locks a pool among the processes of a node, and no other pool", async () => {
  await using driver = await memory();
  const world = memoryWorld();
  const [one, other] = [directIpam(driver, world, SILENT), directIpam(driver, world, SILENT)];
  const [key, elsewhere] = ["10.0.0.0/24", "10.1.0.0/24"].map((cidr) => poolOf({ networkName: "" }, range(cidr)));
  assert(key && elsewhere);
  const first = await one.lockPool(key, never());
  let had = false;
  const second = other.lockPool(key, never()).then((turn) => {
    had = true;
    return turn;
  });
  using _elsewhere = await other.lockPool(elsewhere, never());
  await world.advance(1_000);
  assert.equal(had, false);
  first?.[Symbol.dispose]();
  using _second = await second;
  assert.equal(had, true);
});

Deno.test("directIpam does not lock a pool of the same name in another store", async () => {
  await using driver = await memory();
  const world = memoryWorld();
  const key = poolOf({ networkName: "" }, range("10.0.0.0/24"));
  const [one, other] = ["hostile", "good"].map((store) => directIpam(driver, world, SILENT, store));
  using _held = await one?.lockPool(key, never());
  using _other = await other?.lockPool(key, never());
});
