import assert from "node:assert/strict";
import { formatIp } from "../../src/address/ip.ts";
import { allocate } from "../../src/ipam/allocate.ts";
import type { RecordedEntry } from "../../src/ipam/recorded.ts";
import { verify } from "../../src/ipam/verify.ts";
import type { IpamConfig } from "../../src/config/types.ts";
import { release } from "../../src/ipam/release.ts";
import { poolsOf } from "../../src/ipam/ipam.ts";
import { divide } from "../../src/ipam/divide.ts";
import { LayoutError } from "../../src/ipam/errors.ts";
import { join } from "../../src/ipam/join.ts";
import { ConflictError, type StorageDriver, UnavailableError } from "../../src/storage/driver.ts";
import { denoWorld } from "../../src/world/deno.ts";
import { LEAKY, onEtcd } from "../drivers/etcd/lab.ts";
import { openWith } from "../drivers/kubernetes/live.ts";
import { faulty } from "../support/faulty.ts";
import { makeKube } from "../support/kube.ts";
import { config, contents, ip as parsed, ipamOn, never } from "./lab.ts";

/** More entries than one commit moves. */
const STAYING = 510;
/** Pods that come and go meanwhile, one after another on each of the nodes. */
const [NODES, PODS] = [3, 6];

const OLD = config(["10.9.0.0/22"]);
const SIZE = 24;
const NEW = { ...OLD, ranges: OLD.ranges.map((range) => ({ ...range, blocks: { prefix: SIZE } })) };

/** One direction of the migration. */
interface Direction {
  /** The definition before the command. */
  readonly from: IpamConfig;
  /** The definition once the former one is refused. */
  readonly to: IpamConfig;
  /** The command. */
  readonly migrate: typeof divide;
  /** The number of operations after which its first run ends, as if it was killed. */
  readonly killedAt: number;
}

/** Divides a range, and joins its blocks again, each while pods come and go. */
async function thereAndBack(driver: StorageDriver, overlapping: boolean): Promise<void> {
  const [pool] = poolsOf(OLD);
  assert(pool);
  const staying = Array.from({ length: STAYING }, (_, i) => ({
    address: pool.cidr.base + 256n * BigInt(1 + i % 2) + 1n + BigInt(i >> 1),
    after: { ...named(`stays-${i}`), address: pool.cidr.base + 256n * BigInt(1 + i % 2) + 1n + BigInt(i >> 1) },
  })).filter(({ address }) => (address & 0xffn) !== 0n);
  await driver.commit(await driver.read(pool, never()), staying, never());
  const [whole, grid] = [{ ...OLD, overlapping }, { ...NEW, overlapping }];
  const live = new Map<string, string>();
  const records = new Map<string, readonly RecordedEntry[]>();
  await underWay(driver, { from: whole, to: grid, migrate: divide, killedAt: 12 }, live, records);
  const divided = await entriesOf(driver);
  assert.deepEqual(divided.filter(([key]) => key.includes("/22")), [], "the former pool is empty");
  assert.equal(divided.length, staying.length + live.size);
  const blocks = await driver.listBlocks?.("", true, never()) ?? [];
  assert.equal(blocks.reduce((sum, { used = 0 }) => sum + used, 0), divided.length, "the blocks count their entries");
  await underWay(driver, { from: grid, to: whole, migrate: join, killedAt: 8 }, live, records);
  const joined = await entriesOf(driver);
  assert.deepEqual(joined.filter(([key]) => !key.includes("/22")), [], "the blocks are empty");
  assert.equal(joined.length, staying.length + live.size);
}

async function entriesOf(driver: StorageDriver): Promise<(readonly [string, string])[]> {
  return Object.entries(await contents(driver)).filter(([key]) => !key.startsWith("reserved"));
}

/** Migrates while pods come and go, first with the former definition, and once it is refused with the new one. */
async function underWay(
  driver: StorageDriver,
  { from, to, migrate, killedAt }: Direction,
  live: Map<string, string>,
  records: Map<string, readonly RecordedEntry[]>,
): Promise<void> {
  const [pool] = poolsOf(OLD);
  assert(pool);
  let definition = from;
  const ipam = ipamOn(driver, denoWorld());
  const add = async (pod: string) => {
    const assigned = await allocate(ipam, definition, named(pod), never());
    records.set(pod, assigned.map(({ entry }) => entry));
    return assigned.map(({ ip }) => formatIp(ip)).join();
  };
  const del = (pod: string) => release(ipam, from, named(pod), never(), records.get(pod), () => Promise.resolve(false));
  const comeAndGo = async (node: number) => {
    for (let i = 0; i < PODS; i++) {
      const pod = `${migrate.name}-n${node}-${i}`;
      const address = await retried(() => add(pod), () => definition = to);
      for (const [other, taken] of live) assert.notEqual(taken, address, `${pod} and ${other}`);
      live.set(pod, address);
      if (i % 3 === 0) continue; // stays
      live.delete(pod); // its address may be allocated to another pod before the DEL returns
      await retried(() => del(pod));
    }
  };
  const moving = async () => {
    const options = { dryRun: false, signal: never() };
    const killed = faulty(driver, ({ index }) => index >= killedAt ? { done: false, then: "refused" } : undefined);
    await assert.rejects(migrate(ipamOn(killed, denoWorld()), pool, SIZE, options), /Injected/);
    return await migrate(ipamOn(driver, denoWorld()), pool, SIZE, options);
  };
  const [{ conflicts }] = await Promise.all([
    moving(),
    ...Array.from({ length: NODES }, (_, node) => comeAndGo(node)),
  ]);
  assert.deepEqual(conflicts, []);
  const entries = await entriesOf(driver);
  for (const [pod, address] of live) {
    await verify(ipam, from, named(pod), [parsed(address)], never());
    assert.equal(
      entries.filter(([key, who]) => key.endsWith(` ${address}`) && who.includes(`/${pod}/`)).length,
      1,
      pod,
    );
  }
}

function named(name: string) {
  return { podRef: `default/${name}`, ifName: "net1", containerId: name };
}

/** Repeats a call as the runtime does, while its entries move. */
async function retried<T>(call: () => Promise<T>, refused: () => void = () => {}): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (error instanceof LayoutError) refused();
      else if (!(error instanceof UnavailableError || error instanceof ConflictError)) throw error;
      await denoWorld().sleep(20);
    }
  }
}

Deno.test("divide and join on the API server while pods come and go, killed and repeated: no address is lost or has two owners", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  await thereAndBack(driver, true);
});

Deno.test({
  name:
    "divide and join in etcd while pods come and go, killed and repeated: no entry is lost, no address has two owners",
  ...LEAKY,
  fn: () => onEtcd(({ driver }) => thereAndBack(driver, false)),
});
