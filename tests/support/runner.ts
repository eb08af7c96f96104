/**
 * Runs of the runner on test files of their own.
 *
 * @module
 */
import { run } from "./process.ts";

const RUNNER = new URL("./run_tests.ts", import.meta.url).pathname;

/** Runs the runner on test files of its own. Returns its exit code and last line. */
export async function runOn(
  sources: Record<string, string>,
  ...options: string[]
): Promise<{ code: number; last: string }> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, source] of Object.entries(sources)) await Deno.writeTextFile(`${folder}/${name}`, source);
    const { code, stdout, stderr } = await run([Deno.execPath(), "run", "-A", RUNNER, ...options, folder]);
    return { code, last: (stdout.trim() || stderr.trim()).split("\n").at(-1) ?? "" };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A test file that passes. */
export const GOOD = 'Deno.test("good", () => {});';
/** A test file that fails. */
export const BAD = 'Deno.test("bad", () => { throw new Error("no"); });';
