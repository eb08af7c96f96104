import assert from "node:assert/strict";
import { poolsOf } from "../../src/ipam/ipam.ts";
import { join } from "../../src/ipam/join.ts";
import type { IpamConfig } from "../../src/config/types.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { faulty } from "../support/faulty.ts";
import { callers, config, ipamOn, memory, never } from "./lab.ts";

const WHOLE = config(["10.0.0.0/20"], { overlapping: false });
const GRID: IpamConfig = { ...WHOLE, ranges: WHOLE.ranges.map((one) => ({ ...one, blocks: { prefix: 22 } })) };
const [POOL] = poolsOf(WHOLE);

/** Fills a block with entries of pods p0, p1 and so on. */
async function fill(driver: StorageDriver, base: bigint, count: number): Promise<void> {
  const key = { network: "", cidr: { family: 4, base, prefix: 22 } } as const;
  const entries = Array.from({ length: count }, (_, i) => {
    const address = base + 10n + BigInt(i);
    return { address, after: { address, podRef: `${base}-${i}`, ifName: "net1", containerId: `${i}` } };
  });
  await driver.commit({ ...await driver.read(key, never()), block: true }, entries, never());
}

Deno.test("moveEntries moves a large block in chunks, and small ones in one commit; what is released meanwhile does not return", async () => {
  assert(POOL);
  await using driver = await memory();
  const { add, del } = callers(driver);
  await add("a/net1/x", GRID);
  await fill(driver, 0x0a00_0000n, 700);
  for (const base of [0x0a00_0400n, 0x0a00_0800n, 0x0a00_0c00n]) await fill(driver, base, 50);
  const steps: number[] = [];
  let commits = 0;
  const counted = faulty(driver, async ({ method, object }) => {
    if (method !== "commit" || object !== "10.0.0.0/20") return undefined;
    if (++commits === 1) await del("a/net1/x", GRID); // its block was read
    return undefined;
  });
  const progress = (done: number) => void steps.push(done);
  const joined = await join(ipamOn(counted), POOL, 22, { dryRun: false, signal: never(), progress });

  assert.deepEqual([joined.moved, joined.blocks, steps.at(-1)], [850, 4, 850]);
  const { allocations } = await driver.read(POOL, never());
  assert.equal(allocations.size, 850);
  assert(!allocations.has(0x0a00_0001n), "a copy of a released entry is removed again");
  assert(commits < 8, `${commits}`);
});

Deno.test("moveEntries keeps the rests of released addresses", async () => {
  assert(POOL);
  await using driver = await memory();
  const resting = { ...GRID, ranges: GRID.ranges.map((one) => ({ ...one, reuseAfter: 3_600_000 })) };
  const { add, del } = callers(driver);
  await add("a/net1/x", resting);
  assert.deepEqual(await add("b/net1/y", resting), ["10.0.0.2"]);
  await del("a/net1/x", resting);
  await join(ipamOn(driver), POOL, 22, { dryRun: false, signal: never() });
  const whole = { ...WHOLE, ranges: WHOLE.ranges.map((one) => ({ ...one, reuseAfter: 3_600_000 })) };
  assert.deepEqual(await add("c/net1/z", whole), ["10.0.0.3"], "10.0.0.1 rests");
});
