import assert from "node:assert/strict";
import { must, run } from "./process.ts";
import { conclude, sum, type Totals, totalsOf } from "./report.ts";

/** Runs real test files, and counts what they came to. */
async function totalsOfRun(sources: Record<string, string>, ...options: string[]): Promise<Totals> {
  const root = await Deno.makeTempDir();
  try {
    const files = Object.keys(sources).map((name) => `${root}/${name}`);
    for (const [name, source] of Object.entries(sources)) await Deno.writeTextFile(`${root}/${name}`, source);
    const args = ["test", "--no-config", "--junit-path=report.xml", ...options, ...files];
    await run([Deno.execPath(), ...args], { cwd: root });
    const report = await Deno.readTextFile(`${root}/report.xml`).catch(() => "");
    const totals = totalsOf(report, files, `${root}/`);
    return { ...totals, empty: totals.empty.map((path) => path.slice(root.length + 1)) };
  } finally {
    await must(["rm", "-r", root]);
  }
}

Deno.test("totalsOf counts tests once, whatever steps they have", async () => {
  const source = `
    Deno.test("a", async (t) => { await t.step("one", () => {}); await t.step("two", () => { throw new Error("no") }) });
    Deno.test("b", async (t) => { await t.step("one", () => {}) });
    Deno.test("c <&> \\"d\\"", () => {});
    Deno.test("b > c", () => {});`;
  const totals = await totalsOfRun({ "a_test.ts": source }, "--no-check");
  assert.deepEqual(totals, { passed: 2, failed: 1, failures: ["a_test.ts: a"], ignored: [], empty: [] });
});

Deno.test("totalsOf names ignored tests and steps", async () => {
  const source = `
    Deno.test({ name: "a", ignore: true, fn() {} });
    Deno.test("b <c>", async (t) => { await t.step({ name: "one", ignore: true, fn() {} }) });`;
  const { passed, ignored } = await totalsOfRun({ "a_test.ts": source }, "--no-check");
  assert.deepEqual({ passed, ignored: ignored.toSorted() }, { passed: 1, ignored: ["a", "b <c> > one"] });
});

Deno.test("totalsOf holds files against a run that did not come to their tests", async () => {
  const { passed, failed, empty } = await totalsOfRun({
    "a_test.ts": 'Deno.test("a", () => {});',
    "b c_test.ts": 'throw new Error("no");',
    "d_test.ts": "export {};",
  }, "--no-check");
  assert.deepEqual({ passed, failed, empty }, { passed: 1, failed: 2, empty: ["b c_test.ts", "d_test.ts"] });
});

Deno.test("totalsOf finds nothing passed in a run that broke off", async () => {
  const { passed, failed } = await totalsOfRun({ "a_test.ts": 'const a: number = "a"; Deno.test("a", () => {});' });
  assert.deepEqual({ passed, failed }, { passed: 0, failed: 0 });
});

Deno.test("conclude closes with a line that counts, and is content only when something ran and nothing went wrong", () => {
  const fine = { passed: 3, failed: 0, failures: [], ignored: [], empty: [] };
  assert.deepEqual(conclude(0, fine), { text: "\n3 passed, 0 failed", code: 0 });
  assert.deepEqual(conclude(1, fine), { text: "\n3 passed, 1 failed", code: 1 });
  assert.deepEqual(conclude(0, { ...fine, passed: 0 }), { text: "\n0 passed, 0 failed", code: 1 });
  const { text, code } = conclude(1, {
    passed: 3,
    failed: 2,
    failures: ["c_test.ts: c"],
    ignored: ["a"],
    empty: ["b_test.ts"],
  });
  assert.equal(code, 1);
  assert.equal(
    text,
    "\nFailed:\n  c_test.ts: c\n\nIgnored, while every test must run:\n  a\n\nRan no test:\n  b_test.ts\n\n3 passed, 3 failed",
  );
});

Deno.test("sum adds the totals of several runs", () => {
  const one = { passed: 3, failed: 1, failures: ["a_test.ts: a"], ignored: ["a"], empty: [] };
  const other = { passed: 2, failed: 0, failures: [], ignored: [], empty: ["b_test.ts"] };
  const failures = ["a_test.ts: a"];
  assert.deepEqual(sum([one, other]), { passed: 5, failed: 1, failures, ignored: ["a"], empty: ["b_test.ts"] });
});
