import assert from "node:assert/strict";
import { formatIp } from "../../src/address/ip.ts";
import { resize } from "../../src/ipam/resize.ts";
import { poolsOf } from "../../src/ipam/ipam.ts";
import type { PoolKey } from "../../src/pool/types.ts";
import { RefusedError, type StorageDriver, UnavailableError } from "../../src/storage/driver.ts";
import { cutAt, CUTS, faulty } from "../support/faulty.ts";
import { inEveryOrder, STANDING_CLOCK } from "../support/orders.ts";
import { assertAgreement, callers, config, contents, ipamOn, memory, never, type Records } from "./lab.ts";

const OLD = config(["10.0.0.0/29"]);
const WIDER = config(["10.0.0.0/24"]);
const NARROWER = config(["10.0.0.0/30"]);
const ELSEWHERE = config(["10.9.0.0/24"]);
const UNRESERVED = { overlapping: false };

function poolOf(of: typeof OLD): PoolKey {
  const [key] = poolsOf(of);
  assert(key);
  return key;
}

function resized(driver: StorageDriver, from: typeof OLD, to: typeof OLD, dryRun = false) {
  return resize(ipamOn(driver), poolOf(from), poolOf(to), { dryRun, signal: never() });
}

const addresses = (all: readonly { readonly address: bigint }[]) =>
  all.map(({ address }) => formatIp({ family: 4, value: address }));

Deno.test("resize moves entries to the pool of a wider range; DEL, CHECK and repeated ADDs of their pods follow them", async () => {
  for (const overlapping of [true, false]) {
    await using driver = await memory();
    const records: Records = new Map();
    const { add, del, check } = callers(driver, undefined, undefined, records);
    const [old, wider] = [{ ...OLD, overlapping }, { ...WIDER, overlapping }];
    for (const who of ["a/net1/x", "b/net1/y", "c/net1/z"]) await add(who, old);
    const { moved, outside, conflicts } = await resized(driver, OLD, WIDER);
    assert.deepEqual({ moved, outside, conflicts }, { moved: 3, outside: [], conflicts: [] });
    await check("a/net1/x", old, ["10.0.0.1"]);
    assert.deepEqual(await add("a/net1/x", old), ["10.0.0.1"]);
    assert.deepEqual(await add("a/net1/x2", wider), ["10.0.0.1"], "a new sandbox with the new definition");
    assert.deepEqual(await add("d/net1/w", wider), ["10.0.0.4"]);
    assert.deepEqual(await add("e/net1/v", old), ["10.0.0.5"], "the former definition allocates from the new pool");
    assert.deepEqual(await del("b/net1/y", old), ["10.0.0.2"]);
    records.clear();
    assert.deepEqual(await del("c/net1/z", old), ["10.0.0.3"], "without the record of the node");
    const stored = Object.keys(await contents(driver)).filter((key) => !key.startsWith("reserved"));
    assert.deepEqual(stored, ["10.0.0.0/24 10.0.0.1", "10.0.0.0/24 10.0.0.4", "10.0.0.0/24 10.0.0.5"]);
    if (overlapping) await assertAgreement(driver);
  }
});

Deno.test("resize leaves the entries outside a narrower range where they are, until their pods end", async () => {
  await using driver = await memory();
  const { add, del, check } = callers(driver);
  for (const who of ["a/net1/x", "b/net1/y", "c/net1/z", "d/net1/w"]) await add(who, OLD);
  const before = await contents(driver);
  const dry = await resized(driver, OLD, NARROWER, true);
  assert.deepEqual([dry.moved, addresses(dry.outside)], [3, ["10.0.0.4"]]);
  assert.deepEqual(await contents(driver), before);
  const { moved, outside } = await resized(driver, OLD, NARROWER);
  assert.deepEqual([moved, addresses(outside)], [3, ["10.0.0.4"]]);
  await check("d/net1/w", OLD, ["10.0.0.4"]);
  assert.deepEqual(await add("d/net1/w2", OLD), ["10.0.0.4"]);
  assert.deepEqual(await del("d/net1/w2", OLD), ["10.0.0.4"]);
  await assert.rejects(add("e/net1/v", OLD), /no free address from 10\.0\.0\.1 to 10\.0\.0\.2/);
  await assertAgreement(driver);
});

Deno.test("resize to a range elsewhere leaves all entries, and names the new range to pods of the former definition", async () => {
  await using driver = await memory();
  const { add, del } = callers(driver);
  await add("a/net1/x", OLD);
  assert.equal((await resized(driver, OLD, ELSEWHERE)).outside.length, 1);
  await assert.rejects(add("b/net1/y", OLD), (error) => {
    assert(error instanceof RefusedError);
    assert.match(error.message, /pool 10\.0\.0\.0\/29 was moved to 10\.9\.0\.0\/24.*set that range/);
    return true;
  });
  assert.deepEqual(await add("b/net1/y", ELSEWHERE), ["10.9.0.1"]);
  assert.deepEqual(await del("a/net1/x", OLD), ["10.0.0.1"]);
});

Deno.test("resize moves back, and refuses pools that are in another move", async () => {
  await using driver = await memory();
  const { add, del } = callers(driver);
  await add("a/net1/x", OLD);
  await resized(driver, OLD, WIDER);
  await assert.rejects(resized(driver, OLD, NARROWER), /10\.0\.0\.0\/29 is moved to 10\.0\.0\.0\/24/);
  assert.equal((await resized(driver, WIDER, OLD)).moved, 1);
  await assert.rejects(resized(driver, OLD, OLD), /the same range/);
  assert.deepEqual(await add("b/net1/y", OLD), ["10.0.0.2"]);
  assert.deepEqual(await del("a/net1/x", WIDER), ["10.0.0.1"]);
  const { setMove: _, ...unable } = faulty(driver, () => undefined);
  await assert.rejects(resized(unable, OLD, WIDER), /cannot mark pools/);
});

Deno.test("resize leaves an entry whose address has another owner in the other pool", async () => {
  await using driver = await memory();
  const { add, check } = callers(driver);
  await add("a/net1/x", { ...OLD, ...UNRESERVED });
  await add("b/net1/y", { ...WIDER, ...UNRESERVED });
  await add("c/net1/z", { ...OLD, ...UNRESERVED });
  const { moved, conflicts } = await resized(driver, OLD, WIDER);
  assert.deepEqual([moved, conflicts.map(({ holder }) => holder.podRef)], [1, ["b"]]);
  await check("a/net1/x", { ...OLD, ...UNRESERVED }, ["10.0.0.1"]);
  await check("b/net1/y", { ...WIDER, ...UNRESERVED }, ["10.0.0.1"]);
  assert.deepEqual(await contents(driver), {
    "10.0.0.0/24 10.0.0.1": "b/net1/y",
    "10.0.0.0/24 10.0.0.2": "c/net1/z",
    "10.0.0.0/29 10.0.0.1": "a/net1/x",
  });
});

Deno.test("resize that ends at any operation allocates nothing twice, and completes when it is repeated", async () => {
  let cuts = 0;
  for (const [fault, overlapping] of CUTS.flatMap((one) => [[one, true], [one, false]] as const)) {
    for (let at = 0;; at++) {
      await using driver = await memory();
      const { add, del } = callers(driver);
      const old = { ...OLD, overlapping };
      for (const who of ["a/net1/x", "b/net1/y", "c/net1/z"]) await add(who, old);
      const { broken, isCut } = cutAt(driver, at, fault);
      await resized(broken, OLD, WIDER).catch(() => {});
      if (!isCut()) break;
      cuts++;
      await del("b/net1/y", old);
      // without reservations, no pod may have the other range before the resize
      for (const network of overlapping ? [OLD, WIDER] : [old]) {
        const given = await add(`new-${network.ranges[0]?.cidr.prefix}/net1/n`, network)
          .catch((error) => assert(error instanceof UnavailableError, String(error)));
        for (const address of given ?? []) assert(!["10.0.0.1", "10.0.0.3"].includes(address), `cut at ${at}`);
      }
      await resized(driver, OLD, WIDER);
      const stored = await contents(driver);
      assert.deepEqual(Object.keys(stored).filter((key) => key.startsWith("10.0.0.0/29")), [], `cut at ${at}`);
      assert.equal(stored["10.0.0.0/24 10.0.0.1"], "a/net1/x");
      assert.equal(stored["10.0.0.0/24 10.0.0.3"], "c/net1/z");
      await del("a/net1/x", old);
      assert.equal((await contents(driver))["10.0.0.0/24 10.0.0.1"], undefined);
      if (overlapping) await assertAgreement(driver);
    }
  }
  assert(cuts > 20, `${cuts}`);
});

/** A call beside the resize, and whether pods have reservations: without them, no pod may have the other range before it. */
const CONCURRENT = [
  ["ADD", OLD, false],
  ["ADD", WIDER, true],
  ["DEL", OLD, true],
] as const;

for (const [verb, network, overlapping] of CONCURRENT) {
  const range = network === OLD ? "former" : "other";
  const reservations = overlapping ? "with" : "without";
  const name = `resize and ${verb} with the ${range} range, ${reservations} reservations`;
  Deno.test(`${name}, in every order: no address has two owners, no entry is lost`, async () => {
    const old = { ...OLD, overlapping };
    await inEveryOrder(async () => {
      const driver = await memory();
      const records: Records = new Map();
      const by = (store: StorageDriver) => callers(store, undefined, STANDING_CLOCK, records);
      const living = new Map([["a", String(await by(driver).add("a/net1/x", old))]]);
      return {
        driver,
        calls: [
          async (store) => {
            const options = { dryRun: false, signal: never() };
            await resize(ipamOn(store, STANDING_CLOCK), poolOf(OLD), poolOf(WIDER), options);
          },
          async (store) => {
            if (verb === "DEL") {
              living.delete("a");
              return void await by(store).del("a/net1/x", old);
            }
            const given = await by(store).add("c/net1/z", { ...network, overlapping })
              .catch((error) => assert(error instanceof UnavailableError, String(error)));
            if (given) living.set("c", String(given));
          },
        ],
        afterEach: async () => {
          const stored = Object.entries(await contents(driver));
          for (const [pod, address] of living) {
            const own = stored.filter(([key, who]) => key.endsWith(` ${address}`) && who.startsWith(`${pod}/`));
            assert(own.some(([key]) => !key.startsWith("reserved")), `the entry of ${pod} is missing`);
          }
          assert.equal(new Set(living.values()).size, living.size);
        },
        atEnd: async () => {
          const stored = Object.keys(await contents(driver));
          assert.equal(stored.length, living.size * (overlapping ? 2 : 1), stored.join());
        },
      };
    }, 5_000);
  });
}
