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
  /** The seconds that the tests of each file took, by its path relative to the root. */
  readonly seconds: ReadonlyMap<string, number>;
}

/** Seconds from which a file is listed among the slowest ones, and how many are listed. */
const SLOW = 1;
const MAX_SLOWEST = 10;

/**
 * Counts.
 *
 * @param report the JUnit report; empty when the run broke off before any test, for example on a type error
 * @param files the test files that were run, as absolute paths
 * @param root the folder that `deno test` ran in, with a slash at the end
 * @param filtered whether a filter selected tests: those that it excluded do not count, and a file may have none of them. Default: false
 */
export function totalsOf(report: string, files: readonly string[], root: string, filtered = false): Totals {
  const suites = report.split("<testsuite ").slice(1).map((suite) => ({
    file: new URL(decode(/^name="([^"]*)"/.exec(suite)?.[1] ?? ""), `file://${root}`).pathname,
    cases: suite.split("<testcase ").slice(1).map(caseOf).filter(({ outcome }) =>
      !filtered || outcome !== "unselected"
    ),
  }));
  const shortOf = (file: string) => file.startsWith(root) ? file.slice(root.length) : file;
  const ran = new Set(suites.filter(({ cases }) => cases.length > 0).map(({ file }) => file));
  const empty = suites.length > 0 && !filtered
    ? files.filter((file) => !ran.has(new URL(`file://${file}`).pathname))
    : [];
  const all = suites.flatMap(({ cases }) => cases);
  const tests = suites.flatMap(({ cases }) => cases.filter(({ name }) => !isStep(name, cases)));
  const failures = suites.flatMap(({ file, cases }) =>
    cases.filter(({ name, outcome }) => outcome === "failed" && !isStep(name, cases))
      .map(({ name }) => `${shortOf(file)}: ${name}`)
  );
  const secondsOf = (cases: readonly Case[]) =>
    cases.reduce((sum, { name, seconds }) => isStep(name, cases) ? sum : sum + seconds, 0);
  return {
    passed: tests.filter(({ outcome }) => outcome === "passed").length,
    failed: failures.length + empty.length,
    failures,
    ignored: all.filter(({ outcome }) => outcome === "ignored" || outcome === "unselected").map(({ name }) => name),
    empty,
    seconds: new Map(suites.map(({ file, cases }) => [shortOf(file), secondsOf(cases)])),
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
    seconds: new Map(totals.flatMap(({ seconds }) => [...seconds])),
  };
}

/**
 * What a run closes with: the last line counts. The exit code is 0 only when every test ran and passed, and there was one.
 *
 * @param code the exit code of `deno test`
 */
export function conclude(
  code: number,
  { passed, failed, failures, ignored, empty, seconds }: Totals,
): { readonly text: string; readonly code: number } {
  const bad = failed + ignored.length;
  const list = (title: string, items: readonly string[]) =>
    items.length > 0 ? [`\n${title}:\n  ${items.join("\n  ")}`] : [];
  const slowest = [...seconds].filter(([, taken]) => taken >= SLOW).sort(([, a], [, b]) => b - a).slice(0, MAX_SLOWEST);
  const lines = [
    ...list("Slowest files", slowest.map(([file, taken]) => `${taken.toFixed(1).padStart(6)} s  ${file}`)),
    ...list("Failed", failures),
    ...list("Ignored, while every test must run", ignored),
    ...list("Ran no test", empty),
    `\n${passed} passed, ${bad === 0 && code !== 0 ? 1 : bad} failed`,
  ];
  return { text: lines.join("\n"), code: code === 0 && bad === 0 && passed > 0 ? 0 : 1 };
}

interface Case {
  readonly name: string;
  /** Only what ran, or was to be ignored, has a time. */
  readonly outcome: "passed" | "failed" | "ignored" | "unselected";
  readonly seconds: number;
}

function caseOf(text: string): Case {
  const name = decode(/^name="([^"]*)"/.exec(text)?.[1] ?? "");
  const time = /^[^>]* time="([\d.]+)"/.exec(text)?.[1];
  const skipped = time === undefined ? "unselected" : "ignored";
  const outcome = /<(failure|error)[ >]/.test(text) ? "failed" : text.includes("<skipped") ? skipped : "passed";
  return { name, outcome, seconds: Number(time ?? 0) };
}

/** A step is named after its test: `TEST > STEP`. */
function isStep(name: string, cases: readonly Case[]): boolean {
  return cases.some((other) => name.startsWith(`${other.name} > `));
}

function decode(text: string): string {
  const characters: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (entity, name) => characters[name] ?? entity);
}
