/**
 * The cases of the contract suite that concern the reuse of addresses. They apply to drivers with `recordsReuse`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Cidr, parseCidr } from "../../src/address/cidr.ts";
import type { Reuse } from "../../src/pool/reuse.ts";
import type { Allocation, PoolKey, Rest } from "../../src/pool/types.ts";
import { ConflictError, type StorageDriver } from "../../src/storage/driver.ts";
import type { Store } from "./contract.ts";

/** The cases by their exact names. */
export const reuseCases: Readonly<Record<string, (store: Store) => Promise<void>>> = {
  "records when addresses are reused, in one commit with the changes": (store) =>
    withReuse(store, async (driver) => {
      for (const key of [V4, V6]) {
        const [first, second] = [entry(key, 1n), entry(key, 2n)];
        const made = await driver.commit(
          await driver.read(key, never()),
          [allocated(first), allocated(second)],
          never(),
          {
            after: 60_000,
            last: second.address,
            rests: new Map([[at(key, 9n), rest("gone", 5)]]),
          },
        );
        const reuse: Reuse = {
          after: 30_000,
          last: first.address,
          rests: new Map([[first.address, rest("web-1", 1_764_383_000_123)], [at(key, 9n), rest("gone", 5)]]),
        };
        const released = await driver.commit(made, [{ address: first.address, before: first }], never(), reuse);
        assert.deepEqual(released.reuse, reuse);
        await using other = await store.open();
        const read = await other.read(key, never());
        assert.deepEqual([read.reuse, [...read.allocations.values()]], [reuse, [second]]);
        const listed = (await other.list(never())).find((one) => one.key.cidr.family === key.cidr.family);
        assert.deepEqual(listed?.reuse, reuse);
      }
    }),
  "keeps the reuse of addresses in commits that do not change it, and removes it": (store) =>
    withReuse(store, async (driver) => {
      const [first, second] = [entry(V4, 1n), entry(V4, 2n)];
      const reuse: Reuse = { after: 60_000, rests: new Map([[at(V4, 9n), rest("gone", 1_000)]]) };
      const made = await driver.commit(await driver.read(V4, never()), [allocated(first)], never(), reuse);
      const next = await driver.commit(made, [allocated(second)], never());
      assert.deepEqual([next.reuse, (await driver.read(V4, never())).reuse], [reuse, reuse]);
      const rotated = await driver.commit(next, [{ address: second.address, before: second }], never(), {
        last: second.address,
        rests: new Map(),
      });
      assert.deepEqual((await driver.read(V4, never())).reuse, { last: second.address, rests: new Map() });
      const plain = await driver.commit(rotated, [allocated(second)], never(), { rests: new Map() });
      assert.deepEqual([plain.reuse, (await driver.read(V4, never())).reuse], [undefined, undefined]);
    }),
  "records no reuse if the commit conflicts": (store) =>
    withReuse(store, async (driver) => {
      const [first, second] = [entry(V4, 1n), entry(V4, 2n)];
      const stale = await driver.commit(await driver.read(V4, never()), [allocated(first)], never());
      await driver.commit(stale, [allocated(second)], never());
      const reuse: Reuse = { after: 60_000, rests: new Map() };
      const release = [{ address: first.address, before: first }];
      await assert.rejects(driver.commit(stale, release, never(), reuse), ConflictError);
      assert.equal((await driver.read(V4, never())).reuse, undefined);
    }),
  "adds a rest on a recorded snapshot": (store) =>
    withReuse(store, async (driver) => {
      if (!driver.snapshotFromRecord) return; // another case requires it
      const [first, second] = [entry(V4, 1n), entry(V4, 2n)];
      const [before, added] = [rest("gone", 1_000), rest("web-1", 2_000)];
      const recorded = driver.snapshotFromRecord(V4, new Map([[first.address, first]]));
      const release = [{ address: first.address, before: first }];
      const one: Reuse = { after: 60_000, rests: new Map([[first.address, added]]) };
      const made = await driver.commit(await driver.read(V4, never()), [allocated(first), allocated(second)], never());
      await assert.rejects(driver.commit(recorded, release, never(), one), ConflictError, "the pool records no reuse");
      const reuse: Reuse = { after: 60_000, last: second.address, rests: new Map([[at(V4, 9n), before]]) };
      const third = entry(V4, 3n);
      await driver.commit(made, [allocated(third)], never(), reuse);
      const after = await driver.commit(recorded, release, never(), one);
      const rests = new Map([[at(V4, 9n), before], [first.address, added]]);
      assert.deepEqual([after.reuse, (await driver.read(V4, never())).reuse], [{ ...reuse, rests }, {
        ...reuse,
        rests,
      }]);
    }),
};

async function withReuse(store: Store, run: (driver: StorageDriver) => Promise<void>): Promise<void> {
  await using driver = await store.open();
  assert(
    driver.recordsReuse,
    "the driver does not record when addresses are reused, so that networks with reuse_after, or with order rotate, are refused: " +
      "skip this case with a reason",
  );
  await run(driver);
}

function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  assert(parsed, text);
  return parsed.cidr;
}

const V4: PoolKey = { network: "", cidr: cidr("10.9.0.0/16") };
const V6: PoolKey = { network: "", cidr: cidr("2001:db8::/32") };

function at({ cidr: { base, family } }: PoolKey, offset: bigint): bigint {
  return base + (family === 4 ? offset : offset << 70n);
}

function entry(key: PoolKey, offset: bigint): Allocation {
  return { address: at(key, offset), podRef: `default/web-${offset}`, ifName: "net1", containerId: `c${offset}` };
}

function allocated(after: Allocation) {
  return { address: after.address, after };
}

function rest(pod: string, since: number): Rest {
  return { podRef: `default/${pod}`, ifName: "net1", since };
}

function never(): AbortSignal {
  return new AbortController().signal;
}
