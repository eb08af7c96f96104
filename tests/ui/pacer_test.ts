import assert from "node:assert/strict";
import { Pacer } from "../../src/ui/pacer.ts";
import { unlessAborted } from "../../src/async/abort.ts";

/** A clock whose waits end one by one. */
function makeClock() {
  const waits: { readonly milliseconds: number; readonly pass: () => void }[] = [];
  const sleep = (milliseconds: number, signal: AbortSignal = new AbortController().signal) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    waits.push({ milliseconds, pass: resolve });
    return unlessAborted(promise, signal);
  };
  return { waits, sleep };
}

const NEVER = new AbortController().signal;
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

/** Whether a promise has resolved by now. */
async function isDone(promise: Promise<void>): Promise<boolean> {
  let done = false;
  promise.then(() => done = true, () => {});
  await turn();
  return done;
}

Deno.test("a store without reported changes is read at the interval", async () => {
  const clock = makeClock();
  const next = new Pacer(clock, 5_000).next(NEVER);
  assert.equal(await isDone(next), false);
  clock.waits[0]?.pass();
  assert.equal(await isDone(next), true);
  assert.deepEqual(clock.waits.map(({ milliseconds }) => milliseconds), [5_000]);
});

Deno.test("a store with reported changes is read after a change, but not before the interval", async () => {
  const clock = makeClock();
  const pacer = new Pacer(clock, 5_000);
  pacer.watching();
  const early = pacer.next(NEVER);
  pacer.changed();
  assert.equal(await isDone(early), false);
  clock.waits[0]?.pass();
  assert.equal(await isDone(early), true);

  const later = pacer.next(NEVER);
  clock.waits.at(-1)?.pass();
  assert.equal(await isDone(later), false);
  pacer.changed();
  assert.equal(await isDone(later), true);
});

Deno.test("a store without a change is read after half a minute all the same", async () => {
  const clock = makeClock();
  const pacer = new Pacer(clock, 5_000);
  pacer.watching();
  const next = pacer.next(NEVER);
  clock.waits[0]?.pass();
  await turn();
  assert.deepEqual(clock.waits.map(({ milliseconds }) => milliseconds), [5_000, 25_000]);
  clock.waits[1]?.pass();
  assert.equal(await isDone(next), true);
});

Deno.test("the wait ends with the command", async () => {
  const stop = new AbortController();
  const pacer = new Pacer(makeClock(), 5_000);
  const next = pacer.next(stop.signal);
  stop.abort(new Error("stop"));
  await assert.rejects(next, /stop/);
});
