import assert from "node:assert/strict";
import { divide } from "../../src/ipam/divide.ts";
import { LayoutError } from "../../src/ipam/errors.ts";
import { poolsOf } from "../../src/ipam/ipam.ts";
import { join } from "../../src/ipam/join.ts";
import { readMoved } from "../../src/ipam/moved.ts";
import { release } from "../../src/ipam/release.ts";
import { compareRecorded, restoreEntry } from "../../src/ipam/restore.ts";
import type { IpamConfig } from "../../src/config/types.ts";
import { gridKey } from "../../src/pool/grid.ts";
import { encodeMove } from "../../src/pool/move.ts";
import { formatPoolKey, type PoolKey } from "../../src/pool/types.ts";
import { type StorageDriver, UnavailableError } from "../../src/storage/driver.ts";
import { cutAt, CUTS, faulty } from "../support/faulty.ts";
import { inEveryOrder, STANDING_CLOCK } from "../support/orders.ts";
import { assertAgreement, callers, config, contents, ipamOn, memory, never, owner, type Records } from "./lab.ts";

const WHOLE = config(["10.0.0.0/28"]);
const GRID = divided(WHOLE, 30);
const SIZE = 30;
const PODS = ["a/net1/x", "b/net1/y", "c/net1/z", "d/net1/w", "e/net1/v"];
const OFF = { overlapping: false };

function divided(of: IpamConfig, prefix: number): IpamConfig {
  return { ...of, ranges: of.ranges.map((one) => ({ ...one, blocks: { prefix } })) };
}

function poolOf(of: IpamConfig): PoolKey {
  return poolsOf(of)[0] ?? assert.fail();
}

function joinOn(driver: StorageDriver, of = WHOLE, others: readonly PoolKey[] = [], dryRun = false) {
  return join(ipamOn(driver), poolOf(of), SIZE, { dryRun, others, signal: never() });
}

function divideOn(driver: StorageDriver, of = WHOLE) {
  return divide(ipamOn(driver), poolOf(of), SIZE, { dryRun: false, signal: never() });
}

/** The marks of all pools of the domain, and of its grid, as text. */
async function marks(driver: StorageDriver): Promise<Record<string, string>> {
  const listed = await driver.list(never());
  const recorded = await Promise.all([gridKey("", 4), poolOf(WHOLE)].map((key) => driver.read(key, never())));
  return Object.fromEntries(
    [...listed, ...recorded].flatMap(({ key, move }) => move ? [[formatPoolKey(key), encodeMove(move)]] : []),
  );
}

/** The entries of a store, as `POOL ADDRESS`. */
async function entries(driver: StorageDriver): Promise<string[]> {
  return Object.keys(await contents(driver)).filter((key) => !key.startsWith("reserved"));
}

/** The errors of an ADD while entries move, and with the other layout. */
function assertRefused(error: unknown): undefined {
  assert(error instanceof UnavailableError || error instanceof LayoutError, String(error));
  return undefined;
}

const ENDED = { "0.0.0.0/0": "divided /0", "10.0.0.0/28": "joined /30" };

Deno.test("join moves the entries back; DEL, CHECK and ADD of their pods follow, and divide moves them to blocks again", async () => {
  for (const overlapping of [true, false]) {
    await using driver = await memory();
    const records: Records = new Map();
    const { add, del, check } = callers(driver, undefined, undefined, records);
    const [whole, grid] = [{ ...WHOLE, overlapping }, { ...GRID, overlapping }];
    for (const who of PODS) await add(who, grid);
    const before = await contents(driver);
    assert.deepEqual(await joinOn(driver, whole, [], true), { moved: 5, conflicts: [], blocks: 2 });
    assert.deepEqual(await contents(driver), before);
    assert.deepEqual(await joinOn(driver), { moved: 5, conflicts: [], blocks: 2 });
    const blocks = { "10.0.0.0/30": "moved 10.0.0.0/28", "10.0.0.4/30": "moved 10.0.0.0/28" };
    assert.deepEqual(await marks(driver), { ...ENDED, ...blocks });
    assert.deepEqual(await entries(driver), [1, 2, 3, 4, 5].map((i) => `10.0.0.0/28 10.0.0.${i}`));
    for (const network of [whole, grid]) await check("a/net1/x", network, ["10.0.0.1"]);
    for (const caller of [add, callers(driver).add]) {
      await assert.rejects(caller("g/net1/t", grid), (error) => {
        assert(error instanceof LayoutError);
        assert.match(error.message, /migrate blocks --back` has moved .*remove block_size from the definition/);
        return true;
      });
    }
    assert.deepEqual(await add("f/net1/u", whole), ["10.0.0.6"]);
    assert.deepEqual(await del("b/net1/y", grid), ["10.0.0.2"], "by the record of the node");
    records.clear();
    assert.deepEqual(await del("c/net1/z", grid), ["10.0.0.3"], "without it");
    assert.deepEqual(await joinOn(driver), { moved: 0, conflicts: [], blocks: 0 }, "again");
    assert.deepEqual(await divideOn(driver), { moved: 4, conflicts: [], blocks: 2 });
    assert.deepEqual(await marks(driver), { "0.0.0.0/0": "divided /30", "10.0.0.0/28": "divided /30" });
    assert.deepEqual(await callers(driver).add("h/net1/s", grid), ["10.0.0.2"]);
    await joinOn(driver);
    assert.equal((await entries(driver)).filter((key) => key.startsWith("10.0.0.0/28 ")).length, 5);
    if (overlapping) await assertAgreement(driver);
  }
});

Deno.test("join of an empty range keeps networks with blocks out until it is divided again, and frees the grid for another size", async () => {
  await using driver = await memory();
  const { add, del } = callers(driver);
  await add("a/net1/x", GRID);
  await del("a/net1/x", GRID);
  assert.deepEqual(await joinOn(driver), { moved: 0, conflicts: [], blocks: 0 });
  await assert.rejects(add("b/net1/y", GRID), LayoutError);
  assert.equal((await marks(driver))["0.0.0.0/0"], "divided /0", "a refused ADD records no grid");
  assert.deepEqual(await add("b/net1/y", divided(config(["10.9.0.0/28"]), 29)), ["10.9.0.1"]);
  assert.deepEqual(await add("c/net1/z", WHOLE), ["10.0.0.1"]);
});

Deno.test("join leaves a pool to which lost entries are restored, also where it never had a block", async () => {
  await using driver = await memory();
  const records: Records = new Map();
  const { add } = callers(driver, undefined, undefined, records);
  await add("a/net1/x", GRID);
  await joinOn(driver);
  for (const who of PODS.slice(1)) await add(who, WHOLE);
  const [entry] = records.get("e/net1/v") ?? [];
  assert(entry);
  const pool = await driver.read(entry.key, never());
  await driver.commit(pool, [{ address: entry.allocation.address, before: entry.allocation }], never());
  const ip = { family: 4, value: entry.allocation.address } as const;
  const state = compareRecorded(await readMoved(driver, [entry.key], [ip], never()), entry);
  assert.deepEqual(state, { kind: "lost", key: poolOf(WHOLE) });
  assert.equal((await restoreEntry(ipamOn(driver), { ...entry, ...state }, never())).kind, "restored");
});

Deno.test("join closes a block without entries too: a process that remembers it allocates nothing there", async () => {
  await using driver = await memory();
  const { add, del } = callers(driver);
  const grid = { ...GRID, ...OFF };
  for (const who of PODS.slice(0, 4)) await add(who, grid);
  await del("d/net1/w", grid);
  assert.deepEqual(await callers(driver).add("d/net1/w", grid), ["10.0.0.4"]);
  await del("d/net1/w", grid); // the second block has no entry, the first one no room
  const remembering = callers(driver);
  await remembering.del("a/net1/x", grid);
  assert.deepEqual(await remembering.add("a/net1/x", grid), ["10.0.0.1"]);
  await joinOn(driver);
  const given = await add("x/net1/1", { ...WHOLE, ...OFF });
  assert.deepEqual(given, ["10.0.0.4"]);
  for (const caller of [add, remembering.add]) await assert.rejects(caller("y/net1/2", grid), LayoutError);
  assert.deepEqual((await entries(driver)).filter((key) => !key.startsWith("10.0.0.0/28")), []);
});

Deno.test("join keeps the grid while another range uses it, and the last one removes it", async () => {
  await using driver = await memory();
  const other = config(["10.9.0.0/28"]);
  const { add } = callers(driver);
  await add("a/net1/x", GRID);
  await add("b/net1/y", divided(other, SIZE));
  await joinOn(driver);
  assert.equal((await marks(driver))["0.0.0.0/0"], "divided /30");
  assert.deepEqual(await add("c/net1/z", divided(other, SIZE)), ["10.9.0.2"]);
  await joinOn(driver, other);
  assert.equal((await marks(driver))["0.0.0.0/0"], "divided /0");
  assert.deepEqual(await add("d/net1/w", other), ["10.9.0.3"]);
});

Deno.test("join of both families of a network", async () => {
  await using driver = await memory();
  const both = config(["10.0.0.0/28", "fd00::/124"]);
  const blocks = {
    ...both,
    ranges: both.ranges.map((one) => ({ ...one, blocks: { prefix: one.cidr.family === 4 ? 30 : 126 } })),
  };
  const { add, del } = callers(driver);
  assert.deepEqual(await add("a/net1/x", blocks), ["10.0.0.1", "fd00::1"]);
  for (const [i, key] of poolsOf(both).entries()) {
    await join(ipamOn(driver), key, i === 0 ? 30 : 126, { dryRun: false, signal: never() });
  }
  assert.deepEqual(await add("b/net1/y", both), ["10.0.0.2", "fd00::2"]);
  assert.deepEqual(await del("a/net1/x", blocks), ["10.0.0.1", "fd00::1"]);
  await assertAgreement(driver);
});

Deno.test("join of overlapping ranges: both are named, their addresses are reserved, and no address is allocated twice", async () => {
  await using driver = await memory();
  const half = config(["10.0.0.0/29"]);
  const { add, check } = callers(driver);
  const given = [];
  for (const [i, who] of PODS.entries()) given.push(...await add(who, i % 2 ? GRID : divided(half, SIZE)));
  await assert.rejects(joinOn(driver), /10\.0\.0\.0\/29 has entries in the same blocks; name both in one call/);
  await joinOn(driver, WHOLE, [poolOf(half)]);
  await assert.rejects(add("f/net1/u", divided(half, SIZE)), UnavailableError, "none allocates before all are joined");
  await joinOn(driver, half);
  for (const [i, of] of [half, WHOLE, WHOLE].entries()) given.push(...await add(`n${i}/net1/n${i}`, of));
  assert.equal(new Set(given).size, given.length);
  for (const [i, who] of PODS.entries()) await check(who, i % 2 ? GRID : divided(half, SIZE), [String(given[i])]);
  await assertAgreement(driver);
});

Deno.test("join that ends at any operation allocates nothing twice, refuses divide, and completes when it is repeated", async () => {
  let cuts = 0;
  let other = 0;
  for (const [fault, overlapping] of CUTS.flatMap((one) => [[one, true], [one, false]] as const)) {
    for (let at = 0;; at++) {
      await using driver = await memory();
      const { add, del, check } = callers(driver);
      const [whole, grid] = [{ ...WHOLE, overlapping }, { ...GRID, overlapping }];
      for (const who of PODS) await add(who, grid);
      const { broken, isCut } = cutAt(driver, at, fault);
      await joinOn(broken).catch(() => {});
      if (!isCut()) break;
      cuts++;
      await check("e/net1/v", grid, ["10.0.0.5"]);
      await del("b/net1/y", grid);
      for (const [i, network] of [whole, grid].entries()) {
        const given = await add(`new-${i}/net1/n`, network).catch(assertRefused);
        for (const address of given ?? []) {
          assert(!["10.0.0.1", "10.0.0.3", "10.0.0.4", "10.0.0.5"].includes(address), `cut at ${at}: ${address}`);
        }
      }
      await divideOn(driver).catch((error) => {
        assert.match(error.message, /complete that command first \(whereabouts migrate blocks --back\)/);
        other++;
      });
      await joinOn(driver);
      const stored = await contents(driver);
      assert.deepEqual((await entries(driver)).filter((key) => !key.startsWith("10.0.0.0/28")), [], `cut at ${at}`);
      assert.deepEqual(
        ["10.0.0.1", "10.0.0.3", "10.0.0.4", "10.0.0.5"].map((ip) => stored[`10.0.0.0/28 ${ip}`]),
        ["a/net1/x", "c/net1/z", "d/net1/w", "e/net1/v"],
        `cut at ${at}`,
      );
      const { "0.0.0.0/0": gridMark, "10.0.0.0/28": mark } = await marks(driver);
      assert.deepEqual([gridMark, mark], ["divided /0", "joined /30"], `cut at ${at}`);
      await del("a/net1/x", grid);
      assert.equal((await contents(driver))["10.0.0.0/28 10.0.0.1"], undefined);
      await add("late/net1/l", whole);
      if (overlapping) await assertAgreement(driver);
    }
  }
  assert(cuts > 60 && other > 20, `${cuts} ${other}`);
});

Deno.test("divide that ends at any operation lets join complete or names the command to complete, and nothing is lost", async () => {
  for (let at = 0;; at++) {
    await using driver = await memory();
    const { add } = callers(driver);
    for (const who of PODS) await add(who, { ...WHOLE, ...OFF });
    const { broken, isCut } = cutAt(driver, at, { done: false, then: "refused" });
    await divideOn(broken).catch(() => {});
    if (!isCut()) break;
    const joined = await joinOn(driver).then(() => true, (error) => {
      assert.match(error.message, /is not divided|complete that command first \(whereabouts migrate blocks\)/);
      return false;
    });
    if (!joined) {
      await divideOn(driver);
      await joinOn(driver);
    }
    assert.deepEqual(Object.values(await contents(driver)).sort(), PODS, `at ${at}`);
    assert.deepEqual((await entries(driver)).filter((key) => !key.startsWith("10.0.0.0/28")), [], `at ${at}`);
    assert.deepEqual(await add("new/net1/n", { ...WHOLE, ...OFF }), ["10.0.0.6"]);
  }
});

const CONCURRENT = [["ADD", WHOLE], ["ADD", GRID], ["DEL", WHOLE], ["DEL", GRID]] as const;

for (const [verb, network] of CONCURRENT) {
  const layout = network === GRID ? "former" : "new";
  Deno.test(`join and ${verb} with the ${layout} layout, in every order: no address has two owners, no entry is lost`, async () => {
    await inEveryOrder(async () => {
      const driver = await memory();
      const records: Records = new Map();
      const by = (store: StorageDriver) => callers(store, undefined, STANDING_CLOCK, records);
      const living = new Map([["a", String(await by(driver).add("a/net1/x", { ...GRID, ...OFF }))]]);
      // keeps the grid, whose removal has tests of its own: fewer orders
      living.set("r", String(await by(driver).add("r/net1/r", { ...divided(config(["10.9.0.0/28"]), SIZE), ...OFF })));
      const migrate = async (store: StorageDriver) => {
        await join(ipamOn(store, STANDING_CLOCK), poolOf(WHOLE), SIZE, { dryRun: false, signal: never() });
      };
      return {
        driver,
        calls: [migrate, async (store) => {
          if (verb === "DEL") {
            living.delete("a");
            const record = records.get("a/net1/x");
            const isAll = () => Promise.resolve(false);
            return void await release(
              ipamOn(store, STANDING_CLOCK),
              { ...network, ...OFF },
              owner("a/net1/x"),
              never(),
              record,
              isAll,
            );
          }
          const given = await by(store).add("c/net1/z", { ...network, ...OFF }).catch(assertRefused);
          if (given) living.set("c", String(given));
        }],
        afterEach: async () => {
          const stored = await contents(driver);
          for (const [pod, address] of living) {
            const held = Object.entries(stored).filter(([key]) => key.endsWith(` ${address}`)).map(([, who]) => who);
            assert(held.some((who) => who.startsWith(`${pod}/`)), `${pod} has lost ${address}`);
          }
        },
        atEnd: async () => {
          await migrate(driver);
          const stored = await contents(driver);
          assert.equal(new Set(Object.keys(stored).map((key) => key.split(" ")[1])).size, Object.keys(stored).length);
          assert.deepEqual(Object.values(stored).map((who) => who.split("/")[0]).sort(), [...living.keys()].sort());
          assert.deepEqual(Object.keys(stored).filter((key) => /^10\.0\..*\/30/.test(key)), []);
        },
      };
    }, 100_000);
  });
}

Deno.test("join that another run replaces gives way, also if the range is divided again: nothing is lost or blocked", async () => {
  let replaced = 0;
  for (const [isReleased, isDivided] of [[false, false], [true, false], [false, true]]) {
    for (let at = 0;; at++) {
      await using driver = await memory();
      const { add, del } = callers(driver);
      for (const who of PODS) await add(who, { ...GRID, ...OFF });
      let hasRun = false;
      const slow = faulty(driver, async ({ index }) => {
        if (index !== at) return undefined;
        hasRun = true;
        if (isReleased) await del("b/net1/y", { ...GRID, ...OFF });
        assert.deepEqual((await joinOn(driver)).conflicts, []);
        if (isDivided) await divideOn(driver);
        return undefined;
      });
      await joinOn(slow).catch((error) => {
        assert.match(error.message, /another run of this command has replaced/);
        replaced++;
      });
      if (!hasRun) break;
      const kept = PODS.filter((who) => !isReleased || who !== "b/net1/y");
      assert.deepEqual(Object.values(await contents(driver)).sort(), kept, `at ${at}`);
      const isJoined = (await marks(driver))["10.0.0.0/28"] === "joined /30";
      const network = isJoined ? WHOLE : GRID;
      assert.equal((await add("new/net1/n", { ...network, ...OFF })).length, 1, `at ${at}`);
      if (isJoined) await divideOn(driver);
      await joinOn(driver);
      assert.deepEqual((await entries(driver)).filter((key) => !key.startsWith("10.0.0.0/28")), []);
    }
  }
  assert(replaced > 4, `${replaced}`);
});
