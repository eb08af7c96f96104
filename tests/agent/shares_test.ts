import assert from "node:assert/strict";
import { Shares } from "../../src/agent/shares.ts";

/** Takes places for the stores alternately until each has its share. */
function fill(shares: Shares, stores: readonly string[]): Map<string, Disposable[]> {
  const taken = new Map(stores.map((store) => [store, [] as Disposable[]]));
  for (let some = true; some;) {
    some = false;
    for (const [store, mine] of taken) {
      const share = shares.take(store);
      if (share) mine.push(share);
      some ||= share !== undefined;
    }
  }
  return taken;
}

Deno.test("Shares gives one store half of all places and several stores equal parts, and keeps such a part for the next store", () => {
  for (const count of [1, 2, 3, 9]) {
    const shares = new Shares(100);
    const stores = Array.from({ length: count }, (_, i) => `s${i}`);
    const taken = [...fill(shares, stores).values()].map((mine) => mine.length);
    const part = 100 / (count + 1);
    assert(taken.every((mine) => Math.abs(mine - part) <= 1), `${count}: ${taken}`);
    assert(shares.take("next"), `${count}: a store without calls finds a place`);
  }
});

Deno.test("Shares keeps a place for a store beside 1,200 that have used their shares", () => {
  const shares = new Shares(4_000);
  fill(shares, Array.from({ length: 1_200 }, (_, i) => `hostile${i}`));
  assert(shares.take("good"));
});

Deno.test("Shares frees the place of a call that ends", () => {
  const shares = new Shares(4);
  const mine = fill(shares, ["a"]).get("a") ?? [];
  assert.equal(mine.length, 2);
  assert.equal(shares.take("a"), undefined);
  mine[0]?.[Symbol.dispose]();
  assert(shares.take("a"));
  assert.equal(shares.take("a"), undefined);
});
