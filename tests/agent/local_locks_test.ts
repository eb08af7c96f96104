import assert from "node:assert/strict";
import { localLocks } from "../../src/agent/local_locks.ts";

/** Local locks on a lock between processes that records how many calls wait for it at the same time. */
function recorded(): { readonly lock: ReturnType<typeof localLocks>; max: number } {
  let waiting = 0;
  const state = {
    max: 0,
    lock: localLocks(async () => {
      state.max = Math.max(state.max, ++waiting);
      await Promise.resolve();
      waiting--;
      return { [Symbol.dispose]: () => {} };
    }),
  };
  return state;
}

const { signal } = new AbortController();

Deno.test("localLocks grants a name to one call at a time, in order of arrival", async () => {
  const state = recorded();
  const order: number[] = [];
  await Promise.all(Array.from({ length: 50 }, async (_, i) => {
    using _lock = await state.lock("a", signal);
    order.push(i);
    await Promise.resolve();
  }));
  assert.deepEqual(order, Array.from({ length: 50 }, (_, i) => i));
  assert.equal(state.max, 1);
});

Deno.test("localLocks grants different names at the same time", async () => {
  const state = recorded();
  using _a = await state.lock("a", signal);
  using _b = await state.lock("b", signal);
});

Deno.test("localLocks grants the lock to the next call if a waiting call is aborted or the lock between processes fails", async () => {
  const state = recorded();
  const stop = new AbortController();
  const first = await state.lock("a", signal);
  const second = state.lock("a", stop.signal);
  const third = state.lock("a", signal);
  stop.abort(new Error("enough"));
  await assert.rejects(second, /enough/);
  first?.[Symbol.dispose]();
  (await third)?.[Symbol.dispose]();
  let tries = 0;
  const failing = localLocks(() => tries++ === 0 ? Promise.reject(new Error("no folder")) : Promise.resolve(undefined));
  await assert.rejects(failing("a", signal), /no folder/);
  (await failing("a", signal))?.[Symbol.dispose]();
});
