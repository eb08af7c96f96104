/**
 * The cases of the contract suite that concern the move of a pool's entries to another pool.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Cidr, parseCidr } from "../../src/address/cidr.ts";
import type { Move } from "../../src/pool/move.ts";
import type { PoolKey } from "../../src/pool/types.ts";
import { ConflictError } from "../../src/storage/driver.ts";
import type { Store } from "./contract.ts";

/** The cases by their exact names. */
export const moveCases: Readonly<Record<string, (store: Store) => Promise<void>>> = {
  "lets commits on earlier snapshots conflict once a pool moves, and keeps the mark": async (store) => {
    await using driver = await store.open();
    assert(driver.setMove, "the driver marks no moves: skip this case with a reason");
    const absent = await driver.read(KEY, never());
    assert.equal(absent.move, undefined);
    const put = [{ address: ENTRY.address, after: ENTRY }];
    const remove = [{ address: ENTRY.address, before: ENTRY }];
    const moving = await driver.setMove(absent, { kind: "moving", to: OTHER }, never());
    await assert.rejects(driver.commit(absent, put, never()), ConflictError);
    const used = await driver.commit(moving, put, never());
    const listed = (await driver.list(never())).find(({ key }) => key.cidr.base === KEY.cidr.base);
    for (const pool of [moving, used, await driver.read(KEY, never()), listed]) {
      assert.deepEqual(pool?.move, { kind: "moving", to: OTHER } satisfies Move);
    }
    const recorded = driver.snapshotFromRecord?.(KEY, new Map([[ENTRY.address, ENTRY]])) ?? used;
    const released = await driver.commit(recorded, remove, never());
    assert.deepEqual(released.move, { kind: "moving", to: OTHER } satisfies Move, "a release follows it");
    const marks: Move[] = [{ kind: "receiving", from: OTHER }, { kind: "moved", to: OTHER }];
    let last = await driver.read(KEY, never());
    for (const mark of marks) {
      const earlier = last;
      last = await driver.setMove(last, mark, never());
      assert.deepEqual((await driver.read(KEY, never())).move, mark);
      await assert.rejects(driver.commit(earlier, put, never()), ConflictError);
      await assert.rejects(driver.setMove(earlier, undefined, never()), ConflictError);
    }
    const open = await driver.setMove(last, undefined, never());
    assert.deepEqual([open.move, (await driver.read(KEY, never())).move], [undefined, undefined]);
    assert.equal((await driver.commit(open, put, never())).allocations.size, 1);
  },
};

function cidrOf(text: string): Cidr {
  const parsed = parseCidr(text);
  assert(parsed, text);
  return parsed.cidr;
}

const KEY: PoolKey = { network: "", cidr: cidrOf("10.9.0.0/24") };
const OTHER = cidrOf("10.8.0.0/15");
const ENTRY = { address: KEY.cidr.base + 5n, podRef: "default/a", ifName: "net1", containerId: "container-of-a" };

function never(): AbortSignal {
  return new AbortController().signal;
}
