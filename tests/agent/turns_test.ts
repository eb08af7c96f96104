import assert from "node:assert/strict";
import { localTurns } from "../../src/agent/turns.ts";

/** A lock between processes that says who waits for it now. */
function outer(): { readonly lock: ReturnType<typeof localTurns>; most: number } {
  let asking = 0;
  const state = {
    most: 0,
    lock: localTurns(async () => {
      state.most = Math.max(state.most, ++asking);
      await Promise.resolve();
      asking--;
      return { [Symbol.dispose]: () => {} };
    }),
  };
  return state;
}

const { signal } = new AbortController();

Deno.test("localTurns lets one call of a name at a time through, in order of arrival", async () => {
  const state = outer();
  const order: number[] = [];
  await Promise.all(Array.from({ length: 50 }, async (_, i) => {
    using _turn = await state.lock("a", signal);
    order.push(i);
    await Promise.resolve();
  }));
  assert.deepEqual(order, Array.from({ length: 50 }, (_, i) => i));
  assert.equal(state.most, 1);
});

Deno.test("localTurns keeps names apart", async () => {
  const state = outer();
  using _a = await state.lock("a", signal);
  using _b = await state.lock("b", signal);
});

Deno.test("localTurns passes the turn on when a waiting call is aborted, and when the lock fails", async () => {
  const state = outer();
  const stop = new AbortController();
  const first = await state.lock("a", signal);
  const second = state.lock("a", stop.signal);
  const third = state.lock("a", signal);
  stop.abort(new Error("enough"));
  await assert.rejects(second, /enough/);
  first?.[Symbol.dispose]();
  (await third)?.[Symbol.dispose]();
  let tries = 0;
  const failing = localTurns(() => tries++ === 0 ? Promise.reject(new Error("no folder")) : Promise.resolve(undefined));
  await assert.rejects(failing("a", signal), /no folder/);
  (await failing("a", signal))?.[Symbol.dispose]();
});
