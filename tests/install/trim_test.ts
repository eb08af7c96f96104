import assert from "node:assert/strict";
import { trim, withoutIdleImports, withPacked } from "../../install/trim.ts";

const HELPER = 'import{createRequire as __deno_internal_createRequire}from"node:module";export{a}';

async function trimmed(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await Deno.makeTempDir();
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${folder}/${name}`, text);
  await trim(folder);
  return folder;
}

Deno.test("a helper that nothing is taken from is not imported, one that is taken from stays", () => {
  assert.equal(withoutIdleImports('import"./help.js";import"./b.js";go()', ["help.js"]), 'import"./b.js";go()');
  const taking = 'import{a as b}from"./help.js";b()';
  assert.equal(withoutIdleImports(taking, ["help.js"]), taking);
});

Deno.test("a packed chunk cannot be one that is always loaded", () => {
  assert.throws(() => withPacked('import{a}from"./large.js";a()', ["large.js"]), /large\.js is too long/);
});

Deno.test("a long chunk is kept compressed, loads the chunks beside it, and gives what it exports", async () => {
  const folder = await trimmed({
    "main.js": 'import"./help.js";export const load=()=>import("./large.js");',
    "large.js": `import{two}from"./two.js";export const four=two*2;//${"x".repeat(1_000_000)}`,
    "two.js": "export const two=2;",
    "help.js": HELPER,
  });
  try {
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
      "help.js",
      "large.js.gz",
      "main.js",
      "two.js",
      "unpack.js",
    ]);
    const { size } = Deno.statSync(`${folder}/large.js.gz`);
    assert(size < 10_000, `the packed chunk has ${size} bytes`);
    const main = await Deno.readTextFile(`${folder}/main.js`);
    assert(!main.includes("help.js"), main);
    const { load } = await import(`file://${folder}/main.js`);
    assert.equal((await load()).four, 4);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a bundle without long chunks is given nothing to unpack", async () => {
  const folder = await trimmed({ "main.js": "export const one=1;" });
  assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["main.js"]);
  await Deno.remove(folder, { recursive: true });
});
