// deno-lint-ignore-file no-console -- a command tells its result
/**
 * Runs the tests with one control plane for all of them, and closes with a line that counts.
 *
 * `deno run -A tests/support/run_tests.ts [--unit] [--filter TEXT] [PATH…]`: with `--unit` only what needs no server and no root
 * (files that are not named `*_live_test.ts`), with `--filter` only tests whose names contain the text. The exit code is 0 only when every
 * selected test ran and passed, and there was one.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { sharedBinary } from "./binary.ts";
import { startShared } from "./kube.ts";
import { conclude, sum, type Totals, totalsOf } from "./report.ts";

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

/** Whether a file needs servers or root. */
function isLive(file: string): boolean {
  return file.endsWith("_live_test.ts");
}

/** A run of `deno test`. */
interface Part {
  readonly files: readonly string[];
  readonly env: Record<string, string>;
  /** Whether its output is printed at its end, so that it does not mix with that of the other part. */
  readonly isAside: boolean;
}

/** Runs `deno test`. It ends with this process, so that a killed run leaves nothing behind. Returns the exit code. */
async function denoTest({ files, env, isAside }: Part, options: readonly string[]): Promise<number> {
  const args = [Deno.execPath(), "test", "-A", "--no-prompt", ...options, ...files];
  const [program = "", ...rest] = Object.keys(env).length > 0 || isAside
    ? ["setpriv", "--pdeathsig", "KILL", ...args]
    : args;
  const stream = isAside ? "piped" : "inherit";
  const child = new Deno.Command(program, { args: rest, cwd: ROOT, env, stdin: "null", stdout: stream, stderr: stream })
    .spawn();
  const end = () => child.kill("SIGTERM");
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) Deno.addSignalListener(signal, end);
  const code = isAside ? await printAtEnd(child) : (await child.status).code;
  for (const signal of signals) Deno.removeSignalListener(signal, end);
  return code;
}

async function printAtEnd(child: Deno.ChildProcess): Promise<number> {
  const { code, stdout, stderr } = await child.output();
  Deno.stderr.writeSync(stderr);
  Deno.stdout.writeSync(stdout);
  return code;
}

/** Runs files, and counts their tests. */
async function runPart(part: Part, filter: string | undefined, report: string): Promise<Totals & { code: number }> {
  const options = [`--junit-path=${report}`, ...(filter !== undefined ? [`--filter=${filter}`] : [])];
  const code = await denoTest(part, options);
  const text = await Deno.readTextFile(report).catch(() => "");
  return { code, ...totalsOf(text, part.files, ROOT, filter !== undefined) };
}

/** Runs the files: what needs servers waits most of its time, so the rest runs beside it. Returns the exit code. */
async function runFiles(files: readonly string[], filter: string | undefined): Promise<number> {
  await using temporary = await temporaryFolder();
  const { folder } = temporary;
  const live = files.filter(isLive);
  const rest = files.filter((file) => !isLive(file));
  await using plane = live.length > 0 ? await startShared() : undefined;
  const env = plane ? { ...plane.env, ...sharedBinary(`${folder}/whereabouts`) } : {};
  const parts: readonly Part[] = [
    { files: live, env, isAside: false },
    { files: rest, env, isAside: live.length > 0 },
  ];
  const results = await Promise.all(
    parts.filter(({ files }) => files.length > 0)
      .map((part, index) => runPart(part, filter, `${folder}/report${index}.xml`)),
  );
  const code = results.find(({ code }) => code !== 0)?.code ?? 0;
  const conclusion = conclude(code, sum(results));
  console.log(conclusion.text);
  return conclusion.code;
}

/** Collects the temporary files of all tests in one folder, which goes with the run: a test file cannot remove what its last test uses. */
async function temporaryFolder(): Promise<{ folder: string } & AsyncDisposable> {
  const folder = await Deno.makeTempDir({ prefix: "tests-" });
  // like /tmp: some tests run programs as another user
  await Deno.chmod(folder, 0o1777);
  Deno.env.set("TMPDIR", folder);
  return { folder, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
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
