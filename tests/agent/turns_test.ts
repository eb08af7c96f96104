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

Deno.test("localTurns lets parts of a name go along with one holding, each part one call at a time", async () => {
  let held = 0;
  let asked = 0;
  const lock = localTurns(() => {
    asked++;
    held++;
    return Promise.resolve({ [Symbol.dispose]: () => void held-- });
  });
  const first = await lock("a", signal, "x");
  const second = await lock("a", signal, "y");
  let third: Disposable | undefined;
  const waiting = lock("a", signal, "x").then((lock) => third = lock);
  assert.deepEqual([asked, held], [1, 1]);
  first?.[Symbol.dispose]();
  await waiting;
  assert.deepEqual([asked, held], [1, 1]);
  second?.[Symbol.dispose]();
  third?.[Symbol.dispose]();
  await Promise.resolve();
  await Promise.resolve();
  assert.equal(held, 0);
  (await lock("a", signal, "x"))?.[Symbol.dispose]();
  assert.equal(asked, 2);
});

Deno.test("localTurns gives a lock up after so many calls, so that another process gets it", async () => {
  let asked = 0;
  const lock = localTurns(() => {
    asked++;
    return Promise.resolve({ [Symbol.dispose]: () => {} });
  });
  const held = await Promise.all(Array.from({ length: 64 }, (_, i) => lock("a", signal, String(i))));
  let late = false;
  const next = lock("a", signal, "late").finally(() => late = true);
  for (const one of held.slice(1)) one?.[Symbol.dispose]();
  await new Promise((resolve) => setTimeout(resolve, 0)); // a turn of the event loop: what can go on has gone on
  assert.deepEqual([late, asked], [false, 1]);
  held[0]?.[Symbol.dispose]();
  (await next)?.[Symbol.dispose]();
  assert.equal(asked, 2);
});

Deno.test("localTurns asks again for those who went along with a call that was aborted", async () => {
  const stop = new AbortController();
  let asked = 0;
  const lock = localTurns((_name, asker) => {
    if (asked++ > 0) return Promise.resolve({ [Symbol.dispose]: () => {} });
    return new Promise((_, reject) => asker.addEventListener("abort", () => reject(asker.reason), { once: true }));
  });
  const first = lock("a", stop.signal, "x");
  const second = lock("a", signal, "y");
  const rejected = assert.rejects(first, /enough/);
  await Promise.resolve();
  stop.abort(new Error("enough"));
  await rejected;
  (await second)?.[Symbol.dispose]();
  assert.equal(asked, 2);
});
