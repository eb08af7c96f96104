import assert from "node:assert/strict";
import { run } from "./process.ts";

const RUNNER = new URL("./run_tests.ts", import.meta.url).pathname;

/** Runs the runner on test files of its own. Returns its exit code and last line. */
async function runOn(sources: Record<string, string>, ...options: string[]): Promise<{ code: number; last: string }> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, source] of Object.entries(sources)) await Deno.writeTextFile(`${folder}/${name}`, source);
    const { code, stdout, stderr } = await run([Deno.execPath(), "run", "-A", RUNNER, ...options, folder]);
    return { code, last: (stdout.trim() || stderr.trim()).split("\n").at(-1) ?? "" };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const GOOD = 'Deno.test("good", () => {});';
const BAD = 'Deno.test("bad", () => { throw new Error("no"); });';

Deno.test("run_tests counts, and ends well only when every test passed", async () => {
  assert.deepEqual(await runOn({ "a_test.ts": GOOD, "b_test.ts": GOOD }), { code: 0, last: "2 passed, 0 failed" });
  assert.deepEqual(await runOn({ "a_test.ts": GOOD, "b_test.ts": BAD }), { code: 1, last: "1 passed, 1 failed" });
});

Deno.test("run_tests counts the files that need servers and the others together", async () => {
  const files = { "a_live_test.ts": GOOD, "b_live_test.ts": BAD, "c_test.ts": GOOD, "d_test.ts": BAD };
  assert.deepEqual(await runOn(files), { code: 1, last: "2 passed, 2 failed" });
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

Deno.test("run_tests refuses an option it does not know", async () => {
  const { code, last } = await runOn({ "a_test.ts": GOOD }, "--units");
  assert.equal(code, 1);
  assert.match(last, /--units/);
});
