// deno-lint-ignore-file no-console -- progress of long work goes to standard error
/**
 * Runs the tests with one control plane for all of them, and closes with a line that counts.
 *
 * `deno run -A tests/support/run_tests.ts [--unit] [PATH…]`: with `--unit` only what needs no server and no root (files that are not
 * named `*_live_test.ts`).
 *
 * @module
 */
import { startShared } from "./kube.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

function testFiles(paths: readonly string[], unit: boolean): string[] {
  const found: string[] = [];
  const visit = (path: string) => {
    if (Deno.statSync(path).isFile) found.push(path);
    else for (const entry of Deno.readDirSync(path)) visit(`${path}/${entry.name}`);
  };
  for (const path of paths) visit(path);
  return found.filter((path) => path.endsWith("_test.ts") && !(unit && path.endsWith("_live_test.ts"))).sort();
}

function count(report: string): { passed: number; failed: number; ignored: number } {
  const attribute = (name: string) =>
    [...report.matchAll(/<testsuite [^>]*>/g)].reduce(
      (sum, [suite]) => sum + Number(new RegExp(`${name}="(\\d+)"`).exec(suite)?.[1] ?? 0),
      0,
    );
  const failed = attribute("failures") + attribute("errors");
  const ignored = attribute("disabled") + attribute("skipped");
  return { passed: attribute("tests") - failed - ignored, failed, ignored };
}

async function main(): Promise<number> {
  const unit = Deno.args.includes("--unit");
  const named = Deno.args.filter((arg) => !arg.startsWith("--"));
  const files = testFiles(named.length > 0 ? named : [`${ROOT}tests`], unit);
  if (files.length === 0) throw new Error(`No test file in ${named.join(", ")}`);
  const live = files.some((file) => file.endsWith("_live_test.ts"));
  const shared = live ? await startShared() : undefined;
  const report = await Deno.makeTempFile({ suffix: ".xml" });
  try {
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", "--no-prompt", `--junit-path=${report}`, ...files],
      cwd: ROOT,
      env: shared?.env ?? {},
      stdout: "inherit",
      stderr: "inherit",
    }).output();
    const { passed, failed, ignored } = count(await Deno.readTextFile(report));
    const broken = code !== 0 && failed === 0 ? 1 : failed;
    if (ignored > 0) console.log(`${ignored} tests were ignored: every test must run`);
    console.log(`\n${passed} passed, ${broken + ignored} failed`);
    return code === 0 && broken === 0 && ignored === 0 && passed > 0 ? 0 : 1;
  } finally {
    await Deno.remove(report);
    await shared?.plane[Symbol.asyncDispose]();
  }
}

if (import.meta.main) Deno.exit(await main());
