import assert from "node:assert/strict";
import { trim, withLateRequire, withPacked } from "../../install/trim.ts";

const HELPER = 'import{createRequire as __r} from "node:module";var m=__r(import.meta.url);export{m as a}';

async function trimmed(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await Deno.makeTempDir();
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${folder}/${name}`, text);
  await trim(folder);
  return folder;
}

Deno.test("the helper for CommonJS modules starts the Node layer only when a module calls require", async () => {
  assert.doesNotMatch(withLateRequire(HELPER), /import\{/);
  const { a } = await import(
    `data:text/javascript,${encodeURIComponent(HELPER.replace("import.meta.url", '"file:///x"'))}`
  );
  const folder = await trimmed({ "help.js": HELPER });
  const late = await import(`file://${folder}/help.js`);
  assert.equal(late.a("node:os"), a("node:os"));
  await Deno.remove(folder, { recursive: true });
});

Deno.test("withPacked refuses a chunk that is always loaded", () => {
  assert.throws(() => withPacked('import{a}from"./large.js";a()', ["large.js"]), /large\.js is too large/);
});

Deno.test("trim compresses a large chunk, which still loads other chunks and returns its exports", async () => {
  const folder = await trimmed({
    "main.js": 'export const load=()=>import("./large.js");',
    "large.js": `import{two}from"./two.js";export const four=two*2;//${"x".repeat(1_000_000)}`,
    "two.js": "export const two=2;",
  });
  try {
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
      "large.js.gz",
      "main.js",
      "two.js",
      "unpack.js",
    ]);
    const { size } = Deno.statSync(`${folder}/large.js.gz`);
    assert(size < 10_000, `the packed chunk has ${size} bytes`);
    const { load } = await import(`file://${folder}/main.js`);
    assert.equal((await load()).four, 4);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("trim adds nothing to a bundle without large chunks", async () => {
  const folder = await trimmed({ "main.js": "export const one=1;" });
  assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["main.js"]);
  await Deno.remove(folder, { recursive: true });
});
