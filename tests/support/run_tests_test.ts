import assert from "node:assert/strict";
import { BAD, GOOD, runOn } from "./runner.ts";

Deno.test("run_tests counts, and ends well only when every test passed", async () => {
  assert.deepEqual(await runOn({ "a_test.ts": GOOD, "b_test.ts": GOOD }), { code: 0, last: "2 passed, 0 failed" });
  assert.deepEqual(await runOn({ "a_test.ts": GOOD, "b_test.ts": BAD }), { code: 1, last: "1 passed, 1 failed" });
});

Deno.test("run_tests takes an ignored test, a file without one and a type error for failures", async () => {
  const ignored = 'Deno.test.ignore("later", () => {});';
  assert.deepEqual(await runOn({ "a_test.ts": GOOD, "b_test.ts": ignored }), { code: 1, last: "1 passed, 1 failed" });
  assert.deepEqual(await runOn({ "a_test.ts": GOOD, "b_test.ts": "" }), { code: 1, last: "1 passed, 1 failed" });
  assert.deepEqual(await runOn({ "a_test.ts": `${GOOD} const a: number = "a";` }), {
    code: 1,
    last: "0 passed, 1 failed",
  });
});

Deno.test("run_tests --unit leaves out what needs servers, and refuses to run nothing", async () => {
  const sources = { "a_live_test.ts": BAD, "b_test.ts": GOOD };
  assert.deepEqual(await runOn(sources, "--unit"), { code: 0, last: "1 passed, 0 failed" });
  const { code, last } = await runOn({ "a_live_test.ts": GOOD }, "--unit");
  assert.equal(code, 1);
  assert.match(last, /^No test file in /);
});

Deno.test("run_tests --filter runs what it selects, and fails if that is nothing", async () => {
  const sources = { "a_test.ts": GOOD, "b_test.ts": BAD };
  assert.deepEqual(await runOn(sources, "--filter", "good"), { code: 0, last: "1 passed, 0 failed" });
  assert.deepEqual(await runOn(sources, "--filter", "other"), { code: 1, last: "0 passed, 0 failed" });
});

Deno.test("run_tests refuses an option it does not know", async () => {
  const { code, last } = await runOn({ "a_test.ts": GOOD }, "--units");
  assert.equal(code, 1);
  assert.match(last, /--units/);
});
