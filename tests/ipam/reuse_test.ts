import assert from "node:assert/strict";
import { allocate } from "../../src/ipam/allocate.ts";
import { directIpam } from "../../src/ipam/ipam.ts";
import { withRests } from "../../src/ipam/recorded.ts";
import { release, releaseAllocations } from "../../src/ipam/release.ts";
import { rollBack } from "../../src/ipam/rollback.ts";
import { formatIp } from "../../src/address/ip.ts";
import { addressOf } from "../../src/pool/types.ts";
import { RefusedError, type StorageDriver } from "../../src/storage/driver.ts";
import { SILENT } from "../../src/world/log.ts";
import { faulty } from "../support/faulty.ts";
import { memoryWorld } from "../support/world.ts";
import { config, memory, never, owner, range } from "./lab.ts";

const HOUR = 3_600_000;
const RESTING = config([], { ranges: [{ ...range("10.0.0.0/29"), reuseAfter: HOUR }] });

/** A process on a machine whose wall clock reads this time. */
function at(driver: StorageDriver, now: number) {
  const ipam = directIpam(driver, { ...memoryWorld(), now: () => now }, SILENT);
  return {
    ipam,
    add: async (who: string, of = RESTING) => {
      const assigned = await allocate(ipam, of, owner(who), never());
      return assigned.map(({ ip }) => formatIp(ip)).join();
    },
    del: async (who: string, of = RESTING) => void await release(ipam, of, owner(who), never()),
  };
}

Deno.test("a released address rests for every process of the store, by the clock of each", async () => {
  await using driver = await memory();
  const first = at(driver, 1_000);
  assert.equal(await first.add("a/net1/x"), "10.0.0.1");
  await first.del("a/net1/x");
  assert.equal(await at(driver, 2_000).add("b/net1/y"), "10.0.0.2");
  assert.equal(await at(driver, 1_000 + HOUR).add("c/net1/z"), "10.0.0.1");
});

Deno.test("a process whose clock is behind, or was ahead, shortens and lengthens rests by the difference at most", async () => {
  await using driver = await memory();
  const ahead = at(driver, 50 * HOUR);
  await ahead.add("a/net1/x");
  await ahead.del("a/net1/x");
  assert.equal(await at(driver, HOUR).add("b/net1/y"), "10.0.0.2"); // corrects the time of the release
  assert.equal(await at(driver, 2 * HOUR).add("c/net1/z"), "10.0.0.1");
});

Deno.test("an address that a sweep releases rests too, although the sweep does not know the network", async () => {
  await using driver = await memory();
  const { ipam, add } = at(driver, 1_000);
  await add("a/net1/x");
  const [pool] = await driver.list(never());
  assert(pool);
  await releaseAllocations(ipam, pool.key, [...pool.allocations.values()], never());
  assert.equal(await add("b/net1/y"), "10.0.0.2");
  assert.equal(await add("a/net1/z"), "10.0.0.1");
});

Deno.test("an address that is released by the record of its node rests, even if its pool records nothing yet", async () => {
  await using driver = await memory();
  const { ipam, add } = at(driver, 1_000);
  const plain = config(["10.0.0.0/29"]);
  await add("a/net1/x", plain); // before the network got the setting
  const [pool] = await driver.list(never());
  const [allocation] = [...pool?.allocations.values() ?? []];
  assert(pool && allocation);
  const recorded = withRests([{ key: pool.key, allocation }], RESTING.ranges);
  await release(ipam, { ...RESTING, ranges: [] }, owner("a/net1/x"), never(), recorded);
  assert.equal(await add("b/net1/y"), "10.0.0.2");
});

Deno.test("a failed ADD does not let its address rest", async () => {
  await using driver = await memory();
  const { ipam, add } = at(driver, 1_000);
  const resting = { ...RESTING, overlapping: false };
  await add("a/net1/x", resting);
  const [pool] = await driver.list(never());
  const [allocation] = [...pool?.allocations.values() ?? []];
  assert(pool && allocation);
  const changes = [{ address: allocation.address, after: allocation }];
  assert.deepEqual(await rollBack(ipam, [{ key: pool.key, changes, reserved: new Map() }]), []);
  assert.equal(formatIp(addressOf({ key: pool.key, allocation })), await add("b/net1/y", resting));
});

Deno.test("a repeated ADD keeps its address, and the settings cost no request more", async () => {
  await using driver = await memory();
  const methods: string[] = [];
  const counted = faulty(driver, ({ method }) => {
    methods.push(method);
    return undefined;
  });
  const plain = config(["10.1.0.0/29"], { overlapping: false });
  const resting = { ...RESTING, overlapping: false };
  for (const network of [plain, resting]) {
    methods.length = 0;
    const { add, del } = at(counted, 1_000);
    const address = await add("a/net1/x", network);
    assert.equal(await add("a/net1/x", network), address);
    await del("a/net1/x", network);
    assert.deepEqual(methods.filter((method) => !method.startsWith("reservation")), [
      ...["read", "commit", "read"],
      ...["read", "commit"],
    ]);
  }
  const pools = await driver.list(never());
  assert.deepEqual(pools.map(({ reuse }) => reuse?.rests.size), [undefined, 1]);
});

Deno.test("ADD refuses settings that a driver does not support, and names the driver and the setting; DEL succeeds", async () => {
  await using driver = await memory();
  const { recordsReuse: _, ...members } = faulty(driver, () => undefined);
  const lacking: StorageDriver = { ...members, name: "files" };
  const { add, del } = at(lacking, 1_000);
  const isRefused = (setting: RegExp) => (error: unknown) =>
    error instanceof RefusedError && setting.test(error.message) && /driver "files" does not keep/.test(error.message);
  await assert.rejects(add("a/net1/x"), isRefused(/: reuse_after requires/));
  const rotating = config([], { ranges: [{ ...range("10.0.0.0/29"), order: "rotate" }] });
  await assert.rejects(add("a/net1/x", rotating), isRefused(/: order "rotate" requires/));
  await add("a/net1/x", config([], { ranges: [{ ...range("10.0.0.0/29"), order: "random" }] }));
  await del("a/net1/x");
  const [pool] = await driver.list(never());
  assert.deepEqual([pool?.allocations.size, pool?.reuse], [0, undefined]);
});

Deno.test("rotate continues after a restart", async () => {
  await using driver = await memory();
  const rotating = config([], { ranges: [{ ...range("10.0.0.0/29"), order: "rotate" }] });
  const found: string[] = [];
  for (let i = 0; i < 7; i++) {
    const { add, del } = at(driver, 1_000);
    found.push(await add(`pod${i}/net1/c${i}`, rotating));
    await del(`pod${i}/net1/c${i}`, rotating);
  }
  assert.deepEqual(found.map((text) => Number(text.split(".")[3])), [1, 2, 3, 4, 5, 6, 1]);
});
