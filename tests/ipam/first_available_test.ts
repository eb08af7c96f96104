import assert from "node:assert/strict";
import { NotAllocatedError, PoolExhaustedError } from "../../src/ipam/errors.ts";
import { rangesToTry } from "../../src/ipam/first_available.ts";
import { formatCidr } from "../../src/address/cidr.ts";
import { ConflictError, UnavailableError } from "../../src/storage/driver.ts";
import { allocate } from "../../src/ipam/allocate.ts";
import { faulty } from "../support/faulty.ts";
import { assertAgreement, callers, config, contents, ip, ipamOn, memory, never, owner } from "./lab.ts";

const FIRST = { rangesAllocation: "first_available" } as const;
/** Two addresses, then two, then many. */
const NETWORK = config(["10.9.0.0/30", "10.8.0.0/30", "10.7.0.0/24"], FIRST);

Deno.test("first_available gives one address, of the first range that has one free", async () => {
  await using driver = await memory();
  const { add } = callers(driver);
  const given: string[] = [];
  for (const pod of ["a", "b", "c", "d", "e"]) given.push(...await add(`${pod}/net1/x`, NETWORK));
  assert.deepEqual(given, ["10.9.0.1", "10.9.0.2", "10.8.0.1", "10.8.0.2", "10.7.0.1"]);
  await assertAgreement(driver);
});

Deno.test("first_available keeps an address of a later range, although an earlier one has a free address again", async () => {
  await using driver = await memory();
  const { add, del, check } = callers(driver);
  for (const pod of ["a", "b", "c"]) await add(`${pod}/net1/${pod}`, NETWORK);
  await del("a/net1/a", NETWORK);
  assert.deepEqual(await add("c/net1/c", NETWORK), ["10.8.0.1"]);
  assert.deepEqual(await add("c/net1/next", NETWORK), ["10.8.0.1"]);
  await check("c/net1/next", NETWORK, ["10.8.0.1"]);
  assert.deepEqual(await add("c/net2/x", NETWORK), ["10.9.0.1"]);
  assert.deepEqual(await del("c/net1/next", NETWORK), ["10.8.0.1"]);
  await assertAgreement(driver);
});

Deno.test("first_available skips a range whose free addresses are reserved for others, and leaves nothing in it", async () => {
  await using driver = await memory();
  const { add } = callers(driver);
  const wide = config(["10.9.0.0/24"]);
  await add("a/net1/x", wide);
  await add("b/net1/x", wide);
  assert.deepEqual(await add("c/net1/x", NETWORK), ["10.8.0.1"]);
  const stored = Object.keys(await contents(driver)).filter((name) => name.startsWith("10.9.0.0/30"));
  assert.deepEqual(stored, []);
  await assertAgreement(driver);
});

Deno.test("first_available does not continue with the next range if the store fails", async () => {
  await using driver = await memory();
  const broken = callers(driver, ({ method }) => {
    if (method === "commit") throw new UnavailableError("no answer");
  });
  await assert.rejects(broken.add("a/net1/x", NETWORK), UnavailableError);
  assert.deepEqual(await contents(driver), {});
});

Deno.test("first_available names all ranges if all are full", async () => {
  await using driver = await memory();
  const { add } = callers(driver);
  const small = config(["10.9.0.0/30", "10.8.0.0/30"], FIRST);
  for (const pod of ["a", "b", "c", "d"]) await add(`${pod}/net1/x`, small);
  const before = await contents(driver);
  await assert.rejects(add("e/net1/x", small), (error) => {
    assert(error instanceof PoolExhaustedError);
    assert.match(error.message, /no range has a free one \(10\.9\.0\.0\/30, 10\.8\.0\.0\/30\)/);
    return true;
  });
  assert.deepEqual(await contents(driver), before);
});

Deno.test("first_available allocates a requested address of its own range only", async () => {
  await using driver = await memory();
  const { add } = callers(driver);
  const requested = { ...NETWORK, requested: [ip("10.7.0.9")] };
  assert.deepEqual(await add("a/net1/x", requested), ["10.7.0.9"]);
  await assert.rejects(add("b/net1/x", requested), /10\.7\.0\.9.*allocated to a/);
});

Deno.test("first_available verifies the one address, beside static addresses in the network of another range", async () => {
  await using driver = await memory();
  const { add, check } = callers(driver);
  for (const pod of ["a", "b", "c"]) await add(`${pod}/net1/x`, NETWORK);
  await check("c/net1/x", NETWORK, ["10.9.0.3", "10.8.0.1"]);
  await assert.rejects(check("c/net1/x", NETWORK, ["10.8.0.2"]), NotAllocatedError);
  await assert.rejects(check("c/net1/x", NETWORK, ["192.168.0.1"]), NotAllocatedError);
});

Deno.test("rangesToTry puts the range first of which the owner has an address inside the bounds", async () => {
  await using driver = await memory();
  const order = async (network: typeof NETWORK) =>
    (await rangesToTry(ipamOn(driver), network, owner("a/net1/x"), never()))
      .map(({ cidr, first }) => `${formatCidr(cidr)} ${first & 0xffn}`);
  const halves = config(["10.9.0.1-10.9.0.9/24", "10.9.0.10-10.9.0.20/24"], FIRST);
  assert.deepEqual(await order(halves), ["10.9.0.0/24 1", "10.9.0.0/24 10"]);
  await callers(driver).add("a/net1/x", config(["10.9.0.12-10.9.0.20/24"]));
  assert.deepEqual(await order(halves), ["10.9.0.0/24 10", "10.9.0.0/24 1"]);
});

const CLAIM = { kind: "IPAMClaim", name: "vm", uid: "u1" } as const;

Deno.test("first_available gives a claim one address, although its concurrent ADDs see none before they write", async () => {
  await using driver = await memory();
  await callers(driver).add("x/net1/x", config(["10.9.0.0/32"]));
  const full = config(["10.9.0.0/32", "10.8.0.0/30"], FIRST);
  const other = config(["10.7.0.0/30", "10.8.0.0/30"], FIRST);
  const ipam = ipamOn(driver);
  const add = (who: string, of = full) => allocate(ipam, of, { ...owner(who), keeper: CLAIM }, never());
  let isFirst = true;
  // the second ADD has read both pools when the first one writes
  const late = ipamOn(faulty(driver, async ({ method }) => {
    if (method !== "commit" || !isFirst) return undefined;
    isFirst = false;
    await add("a/net1/x");
    return undefined;
  }));
  await assert.rejects(allocate(late, other, { ...owner("b/net1/y"), keeper: CLAIM }, never()), (error) => {
    assert(error instanceof ConflictError);
    assert.match(error.message, /IPAMClaim vm got an address of 10\.8\.0\.0\/30 for another pod/);
    return true;
  });
  assert.deepEqual(Object.keys(await contents(driver)).filter((name) => !name.includes("10.9")), [
    "10.8.0.0/30 10.8.0.1",
    "reserved 10.8.0.1",
  ]);
  await assertAgreement(driver);
});

Deno.test("first_available tries the range first in which another pod of the claim has an address", async () => {
  await using driver = await memory();
  const ipam = ipamOn(driver);
  const both = config(["10.9.0.0/24", "10.8.0.0/24"], FIRST);
  for (const [who, name] of [["a/net1/x", "10.9.0.0/24"], ["b/net1/y", "10.8.0.0/24"]] as const) {
    await allocate(ipam, config([name]), { ...owner(who), keeper: CLAIM }, never());
  }
  const order = async (who: string) =>
    (await rangesToTry(ipam, both, { ...owner(who), keeper: CLAIM }, never())).map(({ cidr }) => formatCidr(cidr));
  assert.deepEqual(await order("a/net1/z"), ["10.8.0.0/24", "10.9.0.0/24"]);
  assert.deepEqual(await order("b/net1/z"), ["10.9.0.0/24", "10.8.0.0/24"]);
});
