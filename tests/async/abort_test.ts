import assert from "node:assert/strict";
import { aborted, unlessAborted } from "../../src/async/abort.ts";

Deno.test("unlessAborted returns the promise's value or error, or throws the signal's reason, whichever comes first", async () => {
  const stop = new AbortController();
  assert.equal(await unlessAborted(Promise.resolve(1), stop.signal), 1);
  await assert.rejects(unlessAborted(Promise.reject(new Error("failed")), stop.signal), /failed/);
  const waiting = unlessAborted(new Promise<never>(() => {}), stop.signal);
  stop.abort(new Error("gone"));
  await assert.rejects(waiting, /gone/);
  await assert.rejects(unlessAborted(Promise.resolve(1), stop.signal), /gone/);
  await assert.rejects(unlessAborted(Promise.reject(new Error("failed")), stop.signal), /gone/);
});

Deno.test("aborted resolves when the signal aborts, and at once if it has aborted", async () => {
  const stop = new AbortController();
  let done = false;
  const waiting = aborted(stop.signal).then(() => done = true);
  await Promise.resolve();
  assert.equal(done, false);
  stop.abort();
  await waiting;
  await aborted(stop.signal);
});
