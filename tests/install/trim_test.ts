import assert from "node:assert/strict";
import { trim, withLateRequire } from "../../install/trim.ts";

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

Deno.test("trim leaves other chunks as they are", async () => {
  const folder = await trimmed({ "main.js": "export const one=1;" });
  assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["main.js"]);
  assert.equal(await Deno.readTextFile(`${folder}/main.js`), "export const one=1;");
  await Deno.remove(folder, { recursive: true });
});
