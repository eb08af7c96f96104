import assert from "node:assert/strict";
import { openEmbedded } from "../../drivers/embedded/driver.ts";
import { claim } from "../../src/pool/requests.ts";
import type { PoolKey } from "../../src/pool/types.ts";
import { borrow } from "../../src/storage/borrow.ts";
import { update } from "../../src/storage/update.ts";
import { CIDR, owner, range } from "../pool/pools.ts";
import { hurriedClock } from "../support/hurried_clock.ts";

const KEY: PoolKey = { network: "", cidr: CIDR };

Deno.test("borrow gives the same store, which stays open when the borrower disposes it", async () => {
  await using driver = await openEmbedded({ kind: "embedded", path: ":memory:" });
  const { signal } = new AbortController();
  {
    await using borrowed = borrow(driver);
    assert.equal(borrowed.name, driver.name);
    assert.equal(borrowed.overlaps, driver.overlaps);
    assert.equal(borrowed.presume, undefined);
    await update(borrowed, KEY, () => [claim(owner("a/net1/x"), range())], { signal, clock: hurriedClock() });
    await borrowed.status(signal);
    assert.equal((await borrowed.list(signal)).length, 1);
  }
  assert.equal((await driver.read(KEY, signal)).allocations.size, 1); // in memory: gone, had it been closed
});

Deno.test("borrow passes on what a driver presumes, and leaves out what it cannot", async () => {
  await using driver = await openEmbedded({ kind: "embedded", path: ":memory:" });
  const presuming = {
    ...borrow(driver),
    name: "presuming",
    presume(key: PoolKey) {
      return { key, allocations: new Map(), version: this.name };
    },
  };
  assert.equal(borrow(presuming).presume?.(KEY, new Map()).version, "presuming");
  const { overlaps: _, ...plain } = borrow(driver);
  assert(!("overlaps" in borrow(plain)));
});
