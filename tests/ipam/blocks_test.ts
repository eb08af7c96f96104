import assert from "node:assert/strict";
import type { IpamConfig } from "../../src/config/types.ts";
import { allocate } from "../../src/ipam/allocate.ts";
import { LayoutError, PoolExhaustedError } from "../../src/ipam/errors.ts";
import { poolsOf } from "../../src/ipam/ipam.ts";
import { resize } from "../../src/ipam/resize.ts";
import { verify } from "../../src/ipam/verify.ts";
import { RefusedError, type StorageDriver } from "../../src/storage/driver.ts";
import { borrow, wrap } from "../../src/storage/wrap.ts";
import { assertAgreement, callers, config, contents, ip, ipamOn, memory, never, owner, type Records } from "./lab.ts";

/** A network with blocks. */
function divided(range: string, prefix: number, others: Partial<IpamConfig> = {}): IpamConfig {
  const plain = config([range], others);
  return { ...plain, ranges: plain.ranges.map((one) => ({ ...one, blocks: { prefix } })) };
}

const NET = divided("10.0.0.0/28", 30);

/** The entries of a store, as `POOL ADDRESS`. */
async function entries(driver: StorageDriver): Promise<string[]> {
  return Object.keys(await contents(driver)).filter((key) => !key.startsWith("reserved"));
}

/** Counts the operations of a store. */
function counting(driver: StorageDriver): { readonly driver: StorageDriver; readonly calls: string[] } {
  const calls: string[] = [];
  const counted = wrap(borrow(driver), (operation, work, signal) => {
    calls.push(operation);
    return work(signal);
  });
  return { driver: counted, calls };
}

Deno.test("allocate fills the lowest block first, and says that the range is full only when every block is", async () => {
  for (const overlapping of [true, false]) {
    await using driver = await memory();
    const net = { ...NET, overlapping };
    const { add, del } = callers(driver);
    const given: string[] = [];
    for (let i = 0; i < 14; i++) given.push(...await add(`p${i}/net1/c${i}`, net));
    assert.deepEqual(given, Array.from({ length: 14 }, (_, i) => `10.0.0.${i + 1}`));
    assert.equal(new Set((await entries(driver)).map((one) => one.split(" ")[0])).size, 4);
    await assert.rejects(add("p14/net1/c14", net), PoolExhaustedError);
    assert.deepEqual(await del("p5/net1/c5", net), ["10.0.0.6"], "a release without a record searches the blocks");
    assert.deepEqual(await add("p15/net1/c15", net), ["10.0.0.6"], "an exhausted range is read once more");
    if (overlapping) await assertAgreement(driver);
  }
});

Deno.test("networks whose ranges overlap on one grid meet in the same blocks, without reservations too", async () => {
  await using driver = await memory();
  const { add } = callers(driver);
  const wide = divided("10.0.0.0/28", 30, { overlapping: false });
  const half = divided("10.0.0.0/29", 30, { overlapping: false });
  const given = [];
  for (let i = 0; i < 6; i++) given.push(...await add(`p${i}/net1/c${i}`, i % 2 ? wide : half));
  assert.deepEqual(given, ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"]);
  const block = config(["10.0.0.8/30"], { overlapping: false });
  assert.deepEqual(await add("q/net1/q", block), ["10.0.0.9"], "a range of one block is that block");
  for (let i = 6; i < 9; i++) given.push(...await add(`p${i}/net1/c${i}`, wide));
  assert.deepEqual(given.slice(6), ["10.0.0.7", "10.0.0.8", "10.0.0.10"]);
});

Deno.test("an ADD against entries of another layout fails, whatever changed, and names the command that moves them", async () => {
  const whole = config(["10.0.0.0/28"], { overlapping: false });
  const grid = { ...NET, overlapping: false };
  const finer = divided("10.0.0.0/28", 31, { overlapping: false });
  const inside = divided("10.0.0.0/29", 31, { overlapping: false });
  for (const [before, after] of [[whole, grid], [grid, whole], [grid, finer], [grid, inside]] as const) {
    await using driver = await memory();
    const { add } = callers(driver);
    const given = await add("a/net1/x", before);
    const stored = await entries(driver);
    await assert.rejects(add("b/net1/y", after), (error) => {
      assert(error instanceof LayoutError);
      assert.match(error.message, /whereabouts migrate blocks/);
      return true;
    });
    assert.deepEqual(await entries(driver), stored, given.join());
  }
});

Deno.test("a range whose entries are all released may be divided, but a domain has one grid", async () => {
  await using driver = await memory();
  const { add, del } = callers(driver);
  const whole = config(["10.0.0.0/28"]);
  await add("a/net1/x", whole);
  await del("a/net1/x", whole);
  assert.deepEqual(await add("b/net1/y", NET), ["10.0.0.1"]);
  const elsewhere = divided("10.9.0.0/28", 29);
  await assert.rejects(
    add("c/net1/z", elsewhere),
    /pool 0\.0\.0\.0\/0: its entries live in blocks of \/30, .* block_size \/29/,
  );
  assert.deepEqual(await add("c/net1/z", { ...elsewhere, networkName: "blue" }), ["10.9.0.1"]);
});

Deno.test("an ADD in a known block costs one commit, and one reservation if they are on", async () => {
  await using driver = await memory();
  const { driver: counted, calls } = counting(driver);
  const ipam = ipamOn(counted);
  const net = divided("10.0.0.0/24", 28);
  for (const overlapping of [false, true]) {
    await allocate(ipam, { ...net, overlapping }, owner(`a${overlapping}/net1/x`), never());
    calls.length = 0;
    await allocate(ipam, { ...net, overlapping }, owner(`b${overlapping}/net1/y`), never());
    assert.deepEqual(calls, ["read", "commit", ...(overlapping ? ["reserve"] : [])]);
  }
});

Deno.test("verify finds the address in its block, with and without the record", async () => {
  await using driver = await memory();
  const ipam = ipamOn(driver);
  await allocate(ipam, NET, owner("a/net1/x"), never());
  await verify(ipam, NET, owner("a/net1/x"), [ip("10.0.0.1")], never());
  await assert.rejects(verify(ipam, NET, owner("a/net1/x"), [ip("10.0.0.9")], never()), /10\.0\.0\.9 .* it is free/);
});

Deno.test("release by the record of the node changes its block alone, and keeps the count", async () => {
  await using driver = await memory();
  const records: Records = new Map();
  const { add, del } = callers(driver, undefined, undefined, records);
  for (let i = 0; i < 5; i++) await add(`p${i}/net1/c${i}`, NET);
  assert.deepEqual(await del("p1/net1/c1", NET), ["10.0.0.2"]);
  const facts = await driver.listBlocks?.("", true, never()) ?? [];
  assert.deepEqual(facts.flatMap(({ used }) => used ?? []).sort(), [2, 2]);
});

Deno.test("resize refuses divided ranges and blocks, and a driver that lists none is refused", async () => {
  await using driver = await memory();
  const ipam = ipamOn(driver);
  await allocate(ipam, NET, owner("a/net1/x"), never());
  const [range] = poolsOf(NET);
  const [block] = (await driver.list(never())).map(({ key }) => key);
  const [other] = poolsOf(config(["10.9.0.0/28"]));
  assert(range && block && other);
  for (const from of [range, block]) {
    await assert.rejects(resize(ipam, from, other, { dryRun: false, signal: never() }), /block_size.*never moved/);
  }
  const { listBlocks: _, ...older } = borrow(driver);
  await assert.rejects(allocate(ipamOn(older), NET, owner("b/net1/y"), never()), RefusedError);
});
