import assert from "node:assert/strict";
import { divide } from "../../src/ipam/divide.ts";
import { poolsOf } from "../../src/ipam/ipam.ts";
import { join } from "../../src/ipam/join.ts";
import type { IpamConfig } from "../../src/config/types.ts";
import { formatPoolKey, type PoolKey } from "../../src/pool/types.ts";
import { RefusedError } from "../../src/storage/driver.ts";
import { faulty } from "../support/faulty.ts";
import { callers, config, contents, ipamOn, memory, never } from "./lab.ts";

const WHOLE = config(["10.0.0.0/28"]);
const GRID = divided(WHOLE, 30);
const SIZE = 30;
const OFF = { overlapping: false };
const OPTIONS = { dryRun: false, signal: never() };

function divided(of: IpamConfig, prefix: number): IpamConfig {
  return { ...of, ranges: of.ranges.map((one) => ({ ...one, blocks: { prefix } })) };
}

function poolOf(of: IpamConfig): PoolKey {
  return poolsOf(of)[0] ?? assert.fail();
}

Deno.test("join refuses what is unsafe, and changes nothing", async () => {
  const half = config(["10.0.0.0/29"], OFF);
  await using driver = await memory();
  const { add } = callers(driver);
  await assert.rejects(join(ipamOn(driver), poolOf(WHOLE), SIZE, OPTIONS), /10\.0\.0\.0\/28 is not divided/);
  await add("a/net1/x", { ...GRID, ...OFF });
  await add("b/net1/y", divided(half, SIZE));
  const before = [await contents(driver), await driver.listBlocks?.("", true, never())];
  await assert.rejects(
    join(ipamOn(driver), poolOf(WHOLE), SIZE, { ...OPTIONS, others: [poolOf(half)] }),
    /2 addresses in them, such as 10\.0\.0\.1, have no reservation/,
  );
  await assert.rejects(join(ipamOn(driver), poolOf(WHOLE), 29, OPTIONS), /its blocks are \/30/);
  const { listBlocks: _, ...older } = faulty(driver, () => undefined);
  await assert.rejects(join(ipamOn(older), poolOf(WHOLE), SIZE, OPTIONS), /"embedded" does not support blocks/);
  assert.deepEqual([await contents(driver), await driver.listBlocks?.("", true, never())], before);
});

Deno.test("join refuses more entries than a pool has, and an address that has two owners", async () => {
  await using driver = await memory();
  const wide = config(["10.64.0.0/12"], OFF);
  const { add } = callers(driver);
  await add("a/net1/x", divided(wide, 18));
  const key = { network: "", cidr: { family: 4, base: 0x0a40_0000n, prefix: 18 } } as const;
  const many = Array.from({ length: 10_000 }, (_, i) => {
    const address = key.cidr.base + 300n + BigInt(i);
    return { address, after: { address, podRef: `p${i}`, ifName: "net1", containerId: "x" } };
  });
  await driver.commit(await driver.read(key, never()), many, never());
  await assert.rejects(
    join(ipamOn(driver), poolOf(wide), 18, OPTIONS),
    /its blocks have 10001 entries, and a pool has at most 10000/,
  );
  const block = config(["10.0.0.4/30"], OFF);
  for (const who of ["a/net1/x", "b/net1/y", "c/net1/z", "d/net1/w", "e/net1/v"]) {
    await add(who, config(["10.0.0.0/28"], { ...OFF, networkName: "two" }));
  }
  assert.deepEqual(await add("other/net1/o", { ...block, networkName: "two" }), ["10.0.0.5"]);
  const pool = { ...poolOf(WHOLE), network: "two" };
  const ipam = ipamOn(driver);
  assert.equal((await divide(ipam, pool, SIZE, OPTIONS)).conflicts.length, 1);
  await assert.rejects(join(ipam, pool, SIZE, OPTIONS), (error) => {
    assert(error instanceof RefusedError);
    assert.match(
      error.message,
      /1 addresses have two owners, such as 10\.0\.0\.5 of e in the pool and of other in its block/,
    );
    return true;
  });
  const dry = await join(ipam, pool, SIZE, { dryRun: true, signal: never() });
  assert.deepEqual(dry.conflicts.map(({ holder }) => holder.podRef), ["e"]);
});

Deno.test("join that is repeated leaves alone the pool of another range that has the prefix length of a block since", async () => {
  await using driver = await memory();
  const { add } = callers(driver);
  const block = config(["10.0.0.8/30"], OFF);
  await add("a/net1/x", { ...GRID, ...OFF });
  await join(ipamOn(driver), poolOf(WHOLE), SIZE, OPTIONS);
  assert.deepEqual(await add("b/net1/y", block), ["10.0.0.9"]);
  const stale = { network: "", cidr: { family: 4, base: 0x0a00_0000n, prefix: 30 } } as const;
  await driver.setMove?.(await driver.read(stale, never()), { kind: "receiving", from: poolOf(WHOLE).cidr }, never());
  await join(ipamOn(driver), poolOf(WHOLE), SIZE, OPTIONS);
  const moves = (await driver.list(never())).map(({ key, move }) => [formatPoolKey(key), move?.kind]);
  assert.deepEqual(Object.fromEntries(moves), {
    "10.0.0.0/28": "joined",
    "10.0.0.0/30": "moved",
    "10.0.0.8/30": undefined,
  });
});
