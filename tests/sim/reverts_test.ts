import assert from "node:assert/strict";
import { type Revert, REVERTS } from "./reverts.ts";

/** A fix that is undone must be noticed by one of the seeds below this. */
const SEEDS = 2_000;
/** What a run of the simulation is made of. */
const TREE = ["deno.json", "deno.lock", "src", "drivers", "tests/sim", "tests/support"];
const ROOT = new URL("../../", import.meta.url).pathname;

/** Copies a file, or a folder with all that is in it. */
async function copy(from: string, to: string): Promise<void> {
  if ((await Deno.stat(from)).isFile) return await Deno.copyFile(from, to);
  await Deno.mkdir(to, { recursive: true });
  for await (const { name } of Deno.readDir(from)) await copy(`${from}/${name}`, `${to}/${name}`);
}

/** A copy of the sources in which one fix is undone. */
async function without({ file, find, replace }: Revert): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "revert-" });
  await Deno.mkdir(`${folder}/tests`);
  for (const part of TREE) await copy(`${ROOT}${part}`, `${folder}/${part}`);
  const text = await Deno.readTextFile(`${folder}/${file}`);
  const places = text.split(find).length - 1;
  assert.equal(
    places,
    1,
    `${file} holds ${JSON.stringify(find)} ${places} times: adapt tests/sim/reverts.ts to the source`,
  );
  await Deno.writeTextFile(`${folder}/${file}`, text.replace(find, () => replace));
  return folder;
}

/** What the simulation says to it: the seed that noticed, and how. */
async function noticed(revert: Revert): Promise<string> {
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
    return text;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const revert of REVERTS) {
  Deno.test(`simulate notices that ${revert.name}`, async () => {
    assert.match(await noticed(revert), /^seed \d+: /);
  });
}
