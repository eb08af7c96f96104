// deno-lint-ignore-file no-console -- a tool for people
/**
 * Undoes a fix in a copy of the sources and runs the simulation there.
 *
 * `deno run -A tests/sim/undo.ts [TEXT]` lists each revert whose name contains the text, with the seed that detects it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { editedCopy } from "../support/edited.ts";
import { type Revert, REVERTS } from "./reverts/mod.ts";
import type { Setting } from "./seeds.ts";

/** Max seeds of its world until an undone fix must be detected. */
const SEEDS = 2_000;
/** Files and folders that a run of the simulation needs. */
const TREE = ["deno.json", "deno.lock", "src", "drivers", "tests/sim", "tests/support"];

/**
 * Undoes a fix and runs the seeds of its world, the known one first, until one breaks a promise.
 *
 * @returns the seed and the promise
 * @throws an AssertionError if the fix is not found in the source, or no seed detects its absence
 */
export async function undo(revert: Revert): Promise<string> {
  const folder = await editedCopy(TREE, revert.edits);
  try {
    const { seed, world } = revert;
    const known = seed === undefined ? undefined : await run(folder, world, seed, 1);
    const { code, text, errors } = known?.code === 0 ? known : await run(folder, world, 1, SEEDS);
    assert.equal(code, 0, `${text}\n${errors}`);
    assert.match(text, /^seed \d+: /);
    return text;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs seeds until one breaks a promise: the exit code is then 0. */
async function run(cwd: string, world: Setting, from: number, seeds: number) {
  const args = ["run", "--quiet", "--no-check", "-A", "tests/sim/run.ts", "--until-broken", "--world", world];
  const command = new Deno.Command(Deno.execPath(), {
    args: [...args, "--from", `${from}`, "--seeds", `${seeds}`],
    cwd,
    stdin: "null",
  });
  const { code, stdout, stderr } = await command.output();
  const [text, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trim());
  return { code, text: text ?? "", errors: errors ?? "" };
}

if (import.meta.main) {
  const [text = ""] = Deno.args;
  for (const revert of REVERTS.filter(({ name }) => name.includes(text))) {
    const start = performance.now();
    const result = await undo(revert).catch((error) => `NOT DETECTED: ${error.message}`);
    console.log(`${revert.name} [${revert.world}, ${((performance.now() - start) / 1000).toFixed(1)} s] ${result}`);
  }
}
