import assert from "node:assert/strict";
import { formatIp } from "../../src/address/ip.ts";
import { divide } from "../../src/ipam/divide.ts";
import { LayoutError } from "../../src/ipam/errors.ts";
import { poolsOf } from "../../src/ipam/ipam.ts";
import type { IpamConfig } from "../../src/config/types.ts";
import { formatPoolKey, type PoolKey } from "../../src/pool/types.ts";
import { type StorageDriver, UnavailableError } from "../../src/storage/driver.ts";
import { cutAt, CUTS, faulty } from "../support/faulty.ts";
import { inEveryOrder, STANDING_CLOCK } from "../support/orders.ts";
import { assertAgreement, callers, config, contents, ipamOn, memory, never, type Records } from "./lab.ts";

const WHOLE = config(["10.0.0.0/28"]);
const GRID = divided(WHOLE, 30);
const SIZE = 30;
const PODS = ["a/net1/x", "b/net1/y", "c/net1/z", "d/net1/w", "e/net1/v"];

function divided(of: IpamConfig, prefix: number): IpamConfig {
  return { ...of, ranges: of.ranges.map((one) => ({ ...one, blocks: { prefix } })) };
}

function poolOf(of: IpamConfig): PoolKey {
  return poolsOf(of)[0] ?? assert.fail();
}

function divideOn(driver: StorageDriver, of = WHOLE, dryRun = false, size = SIZE) {
  return divide(ipamOn(driver), poolOf(of), size, { dryRun, signal: never() });
}

/** The entries of a store, as `POOL ADDRESS`. */
async function entries(driver: StorageDriver): Promise<string[]> {
  return Object.keys(await contents(driver)).filter((key) => !key.startsWith("reserved"));
}

/** The blocks of a domain with the numbers of their entries, and the pools that record its grid. */
async function facts(driver: StorageDriver): Promise<Record<string, unknown>> {
  const all = await driver.listBlocks?.("", true, never()) ?? [];
  return Object.fromEntries(
    all.map(({ cidr, used, divided }) => [formatPoolKey({ network: "", cidr }), used ?? `/${divided}`]),
  );
}

Deno.test("divide moves entries to blocks; DEL, CHECK and repeated calls of their pods follow them with the former definition", async () => {
  for (const overlapping of [true, false]) {
    await using driver = await memory();
    const records: Records = new Map();
    const { add, del, check } = callers(driver, undefined, undefined, records);
    const [whole, grid] = [{ ...WHOLE, overlapping }, { ...GRID, overlapping }];
    for (const who of PODS) await add(who, whole);
    assert.deepEqual(await divideOn(driver), { moved: 5, conflicts: [], blocks: 2 });
    assert.deepEqual(await facts(driver), {
      "0.0.0.0/0": "/30",
      "10.0.0.0/28": "/30",
      "10.0.0.0/30": 3,
      "10.0.0.4/30": 2,
    });
    for (const  of of[whole, grid]) await check("a/net1/x", of, ["10.0.0.1"]);
    assert.deepEqual(await add("f/net1/u", grid), ["10.0.0.6"]);
    await assert.rejects(add("g/net1/t", whole), (error) => {
      assert(error instanceof LayoutError);
      assert.match(error.message, /blocks of \/30, and the network has no block_size/);
      return true;
    });
    assert.deepEqual(await del("b/net1/y", whole), ["10.0.0.2"], "by the record of the node");
    records.clear();
    assert.deepEqual(await del("c/net1/z", whole), ["10.0.0.3"], "without it");
    assert.deepEqual(await entries(driver), [
      "10.0.0.0/30 10.0.0.1",
      "10.0.0.4/30 10.0.0.4",
      "10.0.0.4/30 10.0.0.5",
      "10.0.0.4/30 10.0.0.6",
    ]);
    assert.deepEqual([(await facts(driver))["10.0.0.0/30"], (await facts(driver))["10.0.0.4/30"]], [1, 3]);
    assert.deepEqual(await callers(driver).add("h/net1/s", grid), ["10.0.0.2"], "a process without a list of blocks");
    if (overlapping) await assertAgreement(driver);
  }
});

Deno.test("divide changes nothing in a dry run, nor when it is repeated, and divides an empty range", async () => {
  await using driver = await memory();
  const { add } = callers(driver);
  for (const who of PODS) await add(who, WHOLE);
  const before = await contents(driver);
  assert.deepEqual(await divideOn(driver, WHOLE, true), { moved: 5, conflicts: [], blocks: 2 });
  assert.deepEqual([await contents(driver), await facts(driver)], [before, {}]);
  await divideOn(driver);
  const after = await contents(driver);
  assert.deepEqual(await divideOn(driver), { moved: 0, conflicts: [], blocks: 0 });
  assert.deepEqual(await contents(driver), after);
  const empty = config(["10.7.0.0/28"]);
  assert.deepEqual(await divideOn(driver, empty), { moved: 0, conflicts: [], blocks: 0 });
  assert.deepEqual(await add("f/net1/u", divided(empty, SIZE)), ["10.7.0.1"]);
});

Deno.test("divide leaves an entry whose address has another owner in its block, and the range allocates", async () => {
  await using driver = await memory();
  const { add, del } = callers(driver);
  const off = { overlapping: false };
  const block = config(["10.0.0.4/30"], off);
  for (const who of PODS) await add(who, { ...WHOLE, ...off });
  assert.deepEqual(await add("other/net1/o", block), ["10.0.0.5"], "a range of one block is that block");
  const dry = await divideOn(driver, WHOLE, true);
  const { moved, conflicts } = await divideOn(driver);
  const stays = conflicts.map(({ allocation, holder }) => [
    formatIp({ family: 4, value: allocation.address }),
    allocation.podRef,
    holder.podRef,
  ]);
  assert.deepEqual([moved, stays, dry.moved, dry.conflicts.length], [4, [["10.0.0.5", "e", "other"]], 4, 1]);
  assert.deepEqual(await add("f/net1/u", { ...GRID, ...off }), ["10.0.0.6"]);
  assert.deepEqual(await del("e/net1/v", { ...WHOLE, ...off }), ["10.0.0.5"]);
  assert.equal((await divideOn(driver)).conflicts.length, 0);
});

Deno.test("divide that ends at any operation allocates nothing twice, and completes when it is repeated", async () => {
  let cuts = 0;
  for (const [fault, overlapping] of CUTS.flatMap((one) => [[one, true], [one, false]] as const)) {
    for (let at = 0;; at++) {
      await using driver = await memory();
      const { add, del, check } = callers(driver);
      const [whole, grid] = [{ ...WHOLE, overlapping }, { ...GRID, overlapping }];
      for (const who of PODS) await add(who, whole);
      const { broken, isCut } = cutAt(driver, at, fault);
      await divideOn(broken).catch(() => {});
      if (!isCut()) break;
      cuts++;
      await check("e/net1/v", whole, ["10.0.0.5"]);
      await del("b/net1/y", whole);
      for (const [i, network] of [whole, grid].entries()) {
        const given = await add(`new-${i}/net1/n`, network).catch((error) =>
          assert(error instanceof UnavailableError || error instanceof LayoutError, String(error))
        );
        for (const address of given ?? []) {
          assert(!["10.0.0.1", "10.0.0.3", "10.0.0.4", "10.0.0.5"].includes(address), `cut at ${at}: ${address}`);
        }
      }
      await divideOn(driver);
      const stored = await contents(driver);
      assert.deepEqual(Object.keys(stored).filter((key) => key.startsWith("10.0.0.0/28")), [], `cut at ${at}`);
      assert.deepEqual(
        ["10.0.0.0/30 10.0.0.1", "10.0.0.0/30 10.0.0.3", "10.0.0.4/30 10.0.0.4"].map((key) => stored[key]),
        ["a/net1/x", "c/net1/z", "d/net1/w"],
        `cut at ${at}`,
      );
      await del("a/net1/x", whole);
      assert.equal((await contents(driver))["10.0.0.0/30 10.0.0.1"], undefined);
      await add("late/net1/l", grid);
      const counted = Object.values(await facts(driver)).filter((one) => typeof one === "number");
      assert.equal(counted.reduce((sum, one) => sum + one, 0), (await entries(driver)).length);
      if (overlapping) await assertAgreement(driver);
    }
  }
  assert(cuts > 40, `${cuts}`);
});

const CONCURRENT = [["ADD", WHOLE], ["ADD", GRID], ["DEL", WHOLE], ["DEL", GRID]] as const;

for (const [verb, network] of CONCURRENT) {
  const layout = network === WHOLE ? "former" : "new";
  Deno.test(`divide and ${verb} with the ${layout} layout, in every order: no address has two owners, no entry is lost`, async () => {
    const off = { overlapping: false };
    await inEveryOrder(async () => {
      const driver = await memory();
      const records: Records = new Map();
      const by = (store: StorageDriver) => callers(store, undefined, STANDING_CLOCK, records);
      const living = new Map([["a", String(await by(driver).add("a/net1/x", { ...WHOLE, ...off }))]]);
      const migrate = async (store: StorageDriver) => {
        await divide(ipamOn(store, STANDING_CLOCK), poolOf(WHOLE), SIZE, { dryRun: false, signal: never() });
      };
      return {
        driver,
        calls: [migrate, async (store) => {
          if (verb === "DEL") {
            living.delete("a");
            return void await by(store).del("a/net1/x", { ...network, ...off });
          }
          const given = await by(store).add("c/net1/z", { ...network, ...off }).catch((error) =>
            assert(error instanceof UnavailableError || error instanceof LayoutError, String(error))
          );
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
          const pods = Object.values(stored).map((who) => who.split("/")[0]).sort();
          assert.deepEqual(pods, [...living.keys()].sort());
          assert.deepEqual(Object.keys(stored).filter((key) => key.startsWith("10.0.0.0/28")), []);
        },
      };
    }, 100_000);
  });
}

Deno.test("divide that another run replaces at any operation gives way, also when a pod ends then: nothing is lost or left marked", async () => {
  let replaced = 0;
  for (const isReleased of [false, true]) {
    for (let at = 0;; at++) {
      await using driver = await memory();
      const { add, del } = callers(driver);
      const off = { overlapping: false };
      for (const who of PODS) await add(who, { ...WHOLE, ...off });
      let hasRun = false;
      const slow = faulty(driver, async ({ index }) => {
        if (index !== at) return undefined;
        hasRun = true;
        if (isReleased) await del("b/net1/y", { ...WHOLE, ...off });
        assert.deepEqual((await divideOn(driver)).conflicts, []);
        return undefined;
      });
      await divideOn(slow).catch((error) => {
        assert.match(error.message, /another run of this command has replaced/);
        replaced++;
      });
      if (!hasRun) break;
      await divideOn(driver);
      const kept = PODS.filter((who) => !isReleased || who !== "b/net1/y");
      assert.deepEqual(Object.values(await contents(driver)).sort(), kept, `at ${at}`);
      for (const { key, move } of await driver.list(never())) assert.equal(move, undefined, formatPoolKey(key));
      assert.equal((await add("new/net1/n", { ...GRID, ...off })).length, 1);
    }
  }
  assert(replaced > 4, `${replaced}`);
});
