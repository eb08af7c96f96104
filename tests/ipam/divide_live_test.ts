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

/**
 * Divides a range while pods come and go, first with the former definition, and once it is refused with the new one. The first run ends after
 * some of its operations, as if it was killed.
 */
async function divideUnderWay(driver: StorageDriver, overlapping: boolean): Promise<void> {
  const [from] = poolsOf(OLD);
  assert(from);
  const [old, edited] = [{ ...OLD, overlapping }, { ...NEW, overlapping }];
  let definition: IpamConfig = old;
  const staying = Array.from({ length: STAYING }, (_, i) => ({
    address: from.cidr.base + 256n * BigInt(1 + i % 2) + 1n + BigInt(i >> 1),
    after: { ...named(`stays-${i}`), address: from.cidr.base + 256n * BigInt(1 + i % 2) + 1n + BigInt(i >> 1) },
  })).filter(({ address }) => (address & 0xffn) !== 0n);
  await driver.commit(await driver.read(from, never()), staying, never());
  const ipam = ipamOn(driver, denoWorld());
  const records = new Map<string, readonly RecordedEntry[]>();
  const add = async (pod: string) => {
    const assigned = await allocate(ipam, definition, named(pod), never());
    records.set(pod, assigned.map(({ entry }) => entry));
    return assigned.map(({ ip }) => formatIp(ip)).join();
  };
  const del = (pod: string) => release(ipam, old, named(pod), never(), records.get(pod), () => Promise.resolve(false));
  const live = new Map<string, string>();
  const comeAndGo = async (node: number) => {
    for (let i = 0; i < PODS; i++) {
      const pod = `n${node}-${i}`;
      const address = await retried(() => add(pod), () => definition = edited);
      for (const [other, taken] of live) assert.notEqual(taken, address, `${pod} and ${other}`);
      live.set(pod, address);
      if (i % 3 === 0) continue; // stays
      live.delete(pod); // its address may be allocated to another pod before the DEL returns
      await retried(() => del(pod));
    }
  };
  const moving = async () => {
    const options = { dryRun: false, signal: never() };
    const killed = faulty(driver, ({ index }) => index >= 12 ? { done: false, then: "refused" } : undefined);
    await assert.rejects(divide(ipamOn(killed, denoWorld()), from, SIZE, options), /Injected/);
    return await divide(ipamOn(driver, denoWorld()), from, SIZE, options);
  };
  const [{ conflicts }] = await Promise.all([
    moving(),
    ...Array.from({ length: NODES }, (_, node) => comeAndGo(node)),
  ]);
  assert.deepEqual(conflicts, []);
  const entries = Object.entries(await contents(driver)).filter(([key]) => !key.startsWith("reserved"));
  assert.deepEqual(entries.filter(([key]) => key.includes("/22")), [], "the former pool is empty");
  assert.equal(entries.length, staying.length + live.size);
  const blocks = await driver.listBlocks?.("", true, never()) ?? [];
  assert.equal(blocks.reduce((sum, { used = 0 }) => sum + used, 0), entries.length, "the blocks count their entries");
  for (const [pod, address] of live) {
    await verify(ipam, old, named(pod), [parsed(address)], never());
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

Deno.test("divide on the API server while pods come and go, killed and repeated: no entry is lost, no address has two owners", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  await divideUnderWay(driver, true);
});

Deno.test({
  name: "divide in etcd while pods come and go, killed and repeated: no entry is lost, no address has two owners",
  ...LEAKY,
  fn: () => onEtcd(({ driver }) => divideUnderWay(driver, false)),
});
