// deno-lint-ignore-file no-console -- a tool for people
/**
 * Undoes a fix in a copy of the sources and runs the simulation there.
 *
 * `deno run -A tests/sim/undo.ts [TEXT]` lists each revert whose name contains the text, with the seed that detects it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Revert, REVERTS } from "./reverts/mod.ts";

/** Max seeds of its world until an undone fix must be detected. */
const SEEDS = 2_000;
/** Files and folders that a run of the simulation needs. */
const TREE = ["deno.json", "deno.lock", "src", "drivers", "tests/sim", "tests/support"];
const ROOT = new URL("../../", import.meta.url).pathname;

/**
 * Undoes a fix and runs the seeds of its world, until one breaks a promise.
 *
 * @returns the seed and the promise
 * @throws an AssertionError if the fix is not found in the source, or no seed detects its absence
 */
export async function undo(revert: Revert): Promise<string> {
  const folder = await without(revert);
  try {
    const args = ["run", "--quiet", "--no-check", "-A", "tests/sim/run.ts", "--until-broken"];
    const command = new Deno.Command(Deno.execPath(), {
      args: [...args, "--world", revert.world, "--seeds", `${SEEDS}`],
      cwd: folder,
      stdin: "null",
    });
    const { code, stdout, stderr } = await command.output();
    const text = new TextDecoder().decode(stdout).trim();
    assert.equal(code, 0, `${text}\n${new TextDecoder().decode(stderr)}`);
    assert.match(text, /^seed \d+: /);
    return text;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Creates a copy of the sources in which one fix is undone. Returns its folder. */
async function without({ edits }: Revert): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "revert-" });
  await Deno.mkdir(`${folder}/tests`);
  for (const part of TREE) await copy(`${ROOT}${part}`, `${folder}/${part}`);
  for (const { file, find, replace } of edits) {
    const text = await Deno.readTextFile(`${folder}/${file}`);
    const places = text.split(find).length - 1;
    const found = `${file} contains ${JSON.stringify(find)} ${places} times`;
    assert.equal(places, 1, `${found}, expected once: adapt tests/sim/reverts to the source`);
    await Deno.writeTextFile(`${folder}/${file}`, text.replace(find, () => replace));
  }
  return folder;
}

/** Copies a file, or a folder with its contents. */
async function copy(from: string, to: string): Promise<void> {
  if ((await Deno.stat(from)).isFile) return await Deno.copyFile(from, to);
  await Deno.mkdir(to, { recursive: true });
  for await (const { name } of Deno.readDir(from)) await copy(`${from}/${name}`, `${to}/${name}`);
}

if (import.meta.main) {
  const [text = ""] = Deno.args;
  for (const revert of REVERTS.filter(({ name }) => name.includes(text))) {
    const start = performance.now();
    const result = await undo(revert).catch((error) => `NOT DETECTED: ${error.message}`);
    console.log(`${revert.name} [${revert.world}, ${((performance.now() - start) / 1000).toFixed(1)} s] ${result}`);
  }
}
