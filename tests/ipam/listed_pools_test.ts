import assert from "node:assert/strict";
import { LISTED_FOR, ListedPools } from "../../src/ipam/listed_pools.ts";
import { never } from "./lab.ts";

Deno.test("ListedPools shares a list for ten seconds, and repeats one that failed or is too old for the caller", async () => {
  let [now, lists, fails] = [0, 0, false];
  const driver = {
    list: () => {
      lists++;
      return fails ? Promise.reject(new Error("down")) : Promise.resolve([]);
    },
  };
  const listed = new ListedPools({ monotonic: () => now });
  const both = await Promise.all([listed.list(driver, never()), listed.list(driver, never())]);
  assert.deepEqual(both.map(({ fresh }) => fresh), [true, false]);
  now = LISTED_FOR;
  assert.equal((await listed.list(driver, never())).fresh, false);
  assert.equal(lists, 1);
  assert.equal((await listed.list(driver, never(), true)).fresh, true);
  now += LISTED_FOR + 1;
  fails = true;
  await assert.rejects(listed.list(driver, never()), /down/);
  fails = false;
  assert.equal((await listed.list(driver, never())).fresh, true);
  assert.equal(lists, 4);
});
