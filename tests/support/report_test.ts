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
    const totals = totalsOf(report, files, `${root}/`, options.some((option) => option.startsWith("--filter")));
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
  const { seconds, ...totals } = await totalsOfRun({ "a_test.ts": source }, "--no-check");
  assert.deepEqual([...seconds.keys()], ["a_test.ts"]);
  assert.deepEqual(totals, { passed: 2, failed: 1, failures: ["a_test.ts: a"], ignored: [], empty: [] });
});

Deno.test("totalsOf names ignored tests and steps", async () => {
  const source = `
    Deno.test({ name: "a", ignore: true, fn() {} });
    Deno.test("b <c>", async (t) => { await t.step({ name: "one", ignore: true, fn() {} }) });`;
  const { passed, ignored } = await totalsOfRun({ "a_test.ts": source }, "--no-check");
  assert.deepEqual({ passed, ignored: ignored.toSorted() }, { passed: 1, ignored: ["a", "b <c> > one"] });
});

Deno.test("totalsOf leaves out what a filter excludes, but no ignored test that it selects", async () => {
  const source = `
    Deno.test("pool a", () => {});
    Deno.test("pool b", async (t) => { await t.step({ name: "one", ignore: true, fn() {} }) });
    Deno.test({ name: "pool c", ignore: true, fn() {} });
    Deno.test("range", () => { throw new Error("no") });
    Deno.test({ name: "block", ignore: true, fn() {} });`;
  const other = 'Deno.test("range", () => {});';
  const sources = { "a_test.ts": source, "b_test.ts": other };
  const { seconds: _, ...totals } = await totalsOfRun(sources, "--no-check", "--filter=pool");
  const ignored = totals.ignored.toSorted();
  assert.deepEqual({ ...totals, ignored }, {
    passed: 2,
    failed: 0,
    failures: [],
    ignored: ["pool b > one", "pool c"],
    empty: [],
  });
});

Deno.test("totalsOf adds the seconds of a file's tests, and no steps", () => {
  const report =
    `<testsuite name="./a_test.ts"><testcase name="a" time="1.5"></testcase><testcase name="a &gt; one" time="1.4"></testcase>
    <testcase name="b" time="0.25"></testcase></testsuite><testsuite name="./b_test.ts"><testcase name="c"><skipped/></testcase></testsuite>`;
  assert.deepEqual([...totalsOf(report, [], "/root/").seconds], [["a_test.ts", 1.75], ["b_test.ts", 0]]);
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
  const fine = { passed: 3, failed: 0, failures: [], ignored: [], empty: [], seconds: new Map() };
  assert.deepEqual(conclude(0, fine), { text: "\n3 passed, 0 failed", code: 0 });
  assert.deepEqual(conclude(1, fine), { text: "\n3 passed, 1 failed", code: 1 });
  assert.deepEqual(conclude(0, { ...fine, passed: 0 }), { text: "\n0 passed, 0 failed", code: 1 });
  const { text, code } = conclude(1, {
    passed: 3,
    failed: 2,
    failures: ["c_test.ts: c"],
    ignored: ["a"],
    empty: ["b_test.ts"],
    seconds: new Map([["a_test.ts", 0.9], ["b_test.ts", 9.96], ["c_test.ts", 123.45], ["d_test.ts", 10]]),
  });
  assert.equal(code, 1);
  assert.equal(
    text,
    "\nSlowest files:\n   123.5 s  c_test.ts\n    10.0 s  d_test.ts\n    10.0 s  b_test.ts\n" +
      "\nFailed:\n  c_test.ts: c\n\nIgnored, while every test must run:\n  a\n\nRan no test:\n  b_test.ts\n\n3 passed, 3 failed",
  );
});

Deno.test("sum adds the totals of several runs", () => {
  const one = {
    passed: 3,
    failed: 1,
    failures: ["a_test.ts: a"],
    ignored: ["a"],
    empty: [],
    seconds: new Map([["a_test.ts", 1]]),
  };
  const other = {
    passed: 2,
    failed: 0,
    failures: [],
    ignored: [],
    empty: ["b_test.ts"],
    seconds: new Map([["c_test.ts", 2]]),
  };
  const failures = ["a_test.ts: a"];
  const seconds = new Map([["a_test.ts", 1], ["c_test.ts", 2]]);
  assert.deepEqual(sum([one, other]), {
    passed: 5,
    failed: 1,
    failures,
    ignored: ["a"],
    empty: ["b_test.ts"],
    seconds,
  });
});
