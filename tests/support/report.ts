/**
 * What a run of `deno test` came to, counted from its JUnit report.
 *
 * @module
 */

/** Totals of tests; the steps inside a test do not count again. */
export interface Totals {
  /** Tests that ran to a good end. */
  readonly passed: number;
  /** Tests that failed, and files that could not be run. */
  readonly failed: number;
  /** The tests that failed: `FILE: NAME`, the file relative to the root. */
  readonly failures: readonly string[];
  /** Names of tests and steps that were not run. */
  readonly ignored: readonly string[];
  /** Files that ran no test: they failed to load, or hold none. */
  readonly empty: readonly string[];
}

/**
 * Counts.
 *
 * @param report the JUnit report; empty when the run broke off before any test, for example on a type error
 * @param files the test files that were run, as absolute paths
 * @param root the folder that `deno test` ran in, with a slash at the end
 */
export function totalsOf(report: string, files: readonly string[], root: string): Totals {
  const suites = report.split("<testsuite ").slice(1).map((suite) => ({
    file: new URL(decode(/^name="([^"]*)"/.exec(suite)?.[1] ?? ""), `file://${root}`).pathname,
    cases: suite.split("<testcase ").slice(1).map(caseOf),
  }));
  const ran = new Set(suites.filter(({ cases }) => cases.length > 0).map(({ file }) => file));
  const empty = suites.length > 0 ? files.filter((file) => !ran.has(new URL(`file://${file}`).pathname)) : [];
  const all = suites.flatMap(({ cases }) => cases);
  const tests = suites.flatMap(({ cases }) => cases.filter(({ name }) => !isStep(name, cases)));
  const failures = suites.flatMap(({ file, cases }) =>
    cases.filter(({ name, outcome }) => outcome === "failed" && !isStep(name, cases))
      .map(({ name }) => `${file.startsWith(root) ? file.slice(root.length) : file}: ${name}`)
  );
  return {
    passed: tests.filter(({ outcome }) => outcome === "passed").length,
    failed: failures.length + empty.length,
    failures,
    ignored: all.filter(({ outcome }) => outcome === "ignored").map(({ name }) => name),
    empty,
  };
}

/** The totals of several runs together. */
export function sum(totals: readonly Totals[]): Totals {
  return {
    passed: totals.reduce((count, { passed }) => count + passed, 0),
    failed: totals.reduce((count, { failed }) => count + failed, 0),
    failures: totals.flatMap(({ failures }) => failures),
    ignored: totals.flatMap(({ ignored }) => ignored),
    empty: totals.flatMap(({ empty }) => empty),
  };
}

/**
 * What a run closes with: the last line counts. The exit code is 0 only when every test ran and passed, and there was one.
 *
 * @param code the exit code of `deno test`
 */
export function conclude(
  code: number,
  { passed, failed, failures, ignored, empty }: Totals,
): { readonly text: string; readonly code: number } {
  const bad = failed + ignored.length;
  const list = (title: string, items: readonly string[]) =>
    items.length > 0 ? [`\n${title}:\n  ${items.join("\n  ")}`] : [];
  const lines = [
    ...list("Failed", failures),
    ...list("Ignored, while every test must run", ignored),
    ...list("Ran no test", empty),
    `\n${passed} passed, ${bad === 0 && code !== 0 ? 1 : bad} failed`,
  ];
  return { text: lines.join("\n"), code: code === 0 && bad === 0 && passed > 0 ? 0 : 1 };
}

interface Case {
  readonly name: string;
  readonly outcome: "passed" | "failed" | "ignored";
}

function caseOf(text: string): Case {
  const name = decode(/^name="([^"]*)"/.exec(text)?.[1] ?? "");
  const outcome = /<(failure|error)[ >]/.test(text) ? "failed" : text.includes("<skipped") ? "ignored" : "passed";
  return { name, outcome };
}

/** A step is named after its test: `TEST > STEP`. */
function isStep(name: string, cases: readonly Case[]): boolean {
  return cases.some((other) => name.startsWith(`${other.name} > `));
}

function decode(text: string): string {
  const characters: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (entity, name) => characters[name] ?? entity);
}
