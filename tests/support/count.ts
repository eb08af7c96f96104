// deno-lint-ignore-file no-console -- a command prints its result
/**
 * Counts the code of one ADD that the plugin serves itself, on the API server: what it loads, and what of that it executes.
 *
 * `deno task count [--files]`. With `--files` it lists the files.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { environmentOf } from "./binary.ts";
import { ControlPlane, namespaceOf } from "./kube.ts";
import { must } from "./process.ts";
import { ROOT } from "./source.ts";

/** One file that a program loaded. */
export interface LoadedFile {
  /** From the folder that is counted. */
  readonly path: string;
  /** All its lines. */
  readonly lines: number;
  /** Lines of code that were executed; 0 if no function of the file was called. */
  readonly executed: number;
}

/** Files and lines. */
export interface Count {
  /** Number of files. */
  readonly files: number;
  /** Number of lines. */
  readonly lines: number;
}

/**
 * Runs a program and counts what it loads: the closure of its static imports, and of the dynamic imports that it comes to.
 *
 * @param folder files below it count, with a slash at its end
 * @throws an Error with the output of a program that fails
 */
export async function loadedFiles(
  program: string,
  folder: string,
  { env = {}, stdin = "" }: { readonly env?: Readonly<Record<string, string>>; readonly stdin?: string } = {},
): Promise<LoadedFile[]> {
  const work = await Deno.makeTempDir({ prefix: "count-" });
  try {
    const deno = Deno.execPath();
    await must([deno, "run", "--quiet", "-A", `--coverage=${work}/coverage`, program], { env, stdin, cwd: folder });
    await must([deno, "coverage", "--quiet", "--lcov", `--output=${work}/lcov`, `${work}/coverage`], { cwd: folder });
    const records = (await Deno.readTextFile(`${work}/lcov`)).split("end_of_record\n");
    return records.filter((record) => record.includes(`SF:${folder}`)).map((record) => readRecord(record, folder));
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** Reads one record of the format lcov: `FNDA:COUNT,FUNCTION` and `DA:LINE,COUNT`, the lines of code alone. */
function readRecord(record: string, folder: string): LoadedFile {
  const path = /^SF:(.*)$/m.exec(record)?.[1] ?? "";
  const isCalled = /^FNDA:[1-9]/m.test(record);
  return {
    path: path.slice(folder.length),
    lines: Deno.readTextFileSync(path).split("\n").length - 1,
    executed: isCalled ? [...record.matchAll(/^DA:\d+,[1-9]/gm)].length : 0,
  };
}

/** What was loaded, and what of it was executed: the files with a function that was called, and their executed lines. */
export function countOf(files: readonly LoadedFile[]): { readonly loaded: Count; readonly executed: Count } {
  const sum = (lines: readonly number[]): Count => ({
    files: lines.length,
    lines: lines.reduce((total, one) => total + one, 0),
  });
  return {
    loaded: sum(files.map(({ lines }) => lines)),
    executed: sum(files.map(({ executed }) => executed).filter((lines) => lines > 0)),
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { files: { type: "boolean", default: false } } });
  await using plane = await ControlPlane.start();
  const kube = await namespaceOf(plane.facts);
  const ipam = { type: "whereabouts", kubernetes: { kubeconfig: kube.kubeconfig }, range: "10.0.0.0/24" };
  const conf = { cniVersion: "1.1.0", name: "net", ipam: { ...ipam, log_level: "error" } };
  const call = (pod: string) => ({
    env: environmentOf({ verb: "ADD", conf, containerId: pod, pod }),
    stdin: JSON.stringify(conf),
  });
  await must([Deno.execPath(), "run", "--quiet", "-A", `${ROOT}main.ts`], call("first")); // creates the pool
  const files = await loadedFiles(`${ROOT}main.ts`, ROOT, call("second"));
  if (values.files) {
    for (const { path, lines, executed } of files.toSorted((a, b) => b.executed - a.executed)) {
      console.log(`${path.padEnd(44)} ${String(lines).padStart(5)} ${String(executed).padStart(5)}`);
    }
  }
  const { loaded, executed } = countOf(files);
  console.log(`A direct ADD loads ${loaded.files} files of ${loaded.lines} lines, comments included.`);
  console.log(`It calls functions of ${executed.files} of them, and executes ${executed.lines} of their lines.`);
}

if (import.meta.main) await main();
