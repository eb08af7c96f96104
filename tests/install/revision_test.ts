import assert from "node:assert/strict";
import { bundle } from "../../install/compile.ts";
import { git, revisionOf, stamp } from "../../install/revision.ts";
import { must, run } from "../support/process.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "revision-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("revisionOf reads the commit, marks changed files, and finds none outside of a repository", async () => {
  await inFolder(async (folder) => {
    assert.equal(await revisionOf(folder), undefined);
    const commit = ["-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "-m", "one"];
    await Deno.writeTextFile(`${folder}/file`, "1\n");
    for (const args of [["init", "-q"], ["add", "file"], commit]) await must(["git", ...args], { cwd: folder });
    const revision = await revisionOf(folder);
    assert.match(revision ?? "", /^[0-9a-f]{40}$/);
    await Deno.writeTextFile(`${folder}/new`, "");
    assert.equal(await revisionOf(folder), revision);
    await Deno.writeTextFile(`${folder}/file`, "2\n");
    assert.equal(await revisionOf(folder), `${revision}-dirty`);
    assert.equal(await git(folder, ["no-such-command"]), undefined);
  });
});

Deno.test("git returns nothing if git is missing, as in the image that compiles", async () => {
  const module = new URL("../../install/revision.ts", import.meta.url);
  const code = `const { git } = await import("${module}"); console.log(await git("/", ["version"]));`;
  assert.equal(
    await must([Deno.execPath(), "eval", "--no-config", code], { env: { PATH: "/nowhere" } }),
    "undefined\n",
  );
});

Deno.test("stamp writes the commit into every chunk that has a place for it, and refuses anything else", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/a.js`, 'const s="@REVISION@";f(s,"@REVISION@")');
    await Deno.writeTextFile(`${folder}/b.js`, "1");
    await stamp(folder, COMMIT);
    assert.equal(await Deno.readTextFile(`${folder}/a.js`), `const s="${COMMIT}";f(s,"${COMMIT}")`);
    assert.equal(await Deno.readTextFile(`${folder}/b.js`), "1");
    await assert.rejects(stamp(folder, COMMIT), /No file of .* contains @REVISION@/);
    await assert.rejects(stamp(folder, "v1"), /--revision "v1": expected the 40 hexadecimal digits/);
  });
});

Deno.test("a bundle reports the commit that it was built from", async () => {
  await inFolder(async (folder) => {
    const main = `${await bundle(`${folder}/bundle`, `${COMMIT}-dirty`)}/main.js`;
    const { stdout } = await run([Deno.execPath(), "run", "-A", "--no-config", main, "version", "--json"]);
    assert.equal(JSON.parse(stdout).revision, `${COMMIT}-dirty`);
  });
});
