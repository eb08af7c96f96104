import assert from "node:assert/strict";
import { unlessAborted } from "../../src/agent/unless_aborted.ts";

Deno.test("unlessAborted gives what was waited for, its failure, or the signal's reason, whichever comes first", async () => {
  const stop = new AbortController();
  assert.equal(await unlessAborted(Promise.resolve(1), stop.signal), 1);
  await assert.rejects(unlessAborted(Promise.reject(new Error("failed")), stop.signal), /failed/);
  const waiting = unlessAborted(new Promise<never>(() => {}), stop.signal);
  stop.abort(new Error("gone"));
  await assert.rejects(waiting, /gone/);
  await assert.rejects(unlessAborted(Promise.resolve(1), stop.signal), /gone/);
});
