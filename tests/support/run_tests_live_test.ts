import assert from "node:assert/strict";
import { BAD, GOOD, runOn } from "./runner.ts";

Deno.test("run_tests counts the files that need servers and the others together", async () => {
  const files = { "a_live_test.ts": GOOD, "b_live_test.ts": BAD, "c_test.ts": GOOD, "d_test.ts": BAD };
  assert.deepEqual(await runOn(files), { code: 1, last: "2 passed, 2 failed" });
});
