// deno-lint-ignore-file no-console -- a command tells its result
/**
 * Runs the tests with one control plane for all of them, and closes with a line that counts.
 *
 * `deno run -A tests/support/run_tests.ts [--unit] [--filter TEXT] [PATH…]`: with `--unit` only what needs no server and no root
 * (files that are not named `*_live_test.ts`). The exit code is 0 only when every test ran and passed, and there was one.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { sharedBinary } from "./binary.ts";
import { startShared } from "./kube.ts";
import { conclude, totalsOf } from "./report.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** Test files below the paths, sorted. */
function testFiles(paths: readonly string[], unit: boolean): string[] {
  const found: string[] = [];
  const visit = (path: string) => {
    if (Deno.statSync(path).isFile) found.push(path);
    else for (const entry of Deno.readDirSync(path)) visit(`${path}/${entry.name}`);
  };
  for (const path of paths) visit(Deno.realPathSync(path));
  return found.filter((path) => path.endsWith("_test.ts") && !(unit && path.endsWith("_live_test.ts"))).sort();
}

/** `deno test` and what it needs to run. It ends with this process, so that a killed run leaves nothing behind. */
async function denoTest(files: readonly string[], options: readonly string[], env: Record<string, string>) {
  const args = [Deno.execPath(), "test", "-A", "--no-prompt", ...options, ...files];
  const [program = "", ...rest] = Object.keys(env).length > 0 ? ["setpriv", "--pdeathsig", "KILL", ...args] : args;
  const child = new Deno.Command(program, { args: rest, cwd: ROOT, env, stdin: "null" }).spawn();
  const end = () => child.kill("SIGTERM");
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) Deno.addSignalListener(signal, end);
  const { code } = await child.status;
  for (const signal of signals) Deno.removeSignalListener(signal, end);
  return code;
}

/** Runs the files in one run of `deno test`. Returns the exit code. */
async function runFiles(files: readonly string[], filter: string | undefined): Promise<number> {
  const folder = await Deno.makeTempDir({ prefix: "tests-" });
  await using plane = files.some((file) => file.endsWith("_live_test.ts")) ? await startShared() : undefined;
  try {
    const report = `${folder}/report.xml`;
    const env = plane ? { ...plane.env, ...sharedBinary(`${folder}/whereabouts`) } : {};
    const options = [`--junit-path=${report}`, ...(filter ? [`--filter=${filter}`] : [])];
    const code = await denoTest(files, options, env);
    const text = await Deno.readTextFile(report).catch(() => "");
    const conclusion = conclude(code, totalsOf(text, filter ? [] : files, ROOT));
    console.log(conclusion.text);
    return conclusion.code;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    options: { unit: { type: "boolean", default: false }, filter: { type: "string" } },
    allowPositionals: true,
  });
  const paths = positionals.length > 0 ? positionals : [`${ROOT}tests`];
  const files = testFiles(paths, values.unit);
  if (files.length === 0) throw new Error(`No test file in ${paths.join(", ")}`);
  return await runFiles(files, values.filter);
}

if (import.meta.main) {
  const code = await main(Deno.args).catch((error) => {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  });
  Deno.exit(code);
}
