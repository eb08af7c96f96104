import assert from "node:assert/strict";
import { countOf, loadedFiles } from "./count.ts";

Deno.test("loadedFiles counts the lines of each loaded file, and those executed in files whose functions were called", async () => {
  const folder = `${await Deno.realPath(await Deno.makeTempDir({ prefix: "counted-" }))}/`;
  const files = {
    "main.ts": 'import { used } from "./used.ts";\nimport { LIMIT } from "./constant.ts";\nused(LIMIT);\n' +
      'if (LIMIT > 1) await import("./later.ts");\n',
    "used.ts": "// A comment.\nexport function used(value: number): number {\n  return value + 1;\n}\n\n" +
      "export function unused(value: number): number {\n  return value - 1;\n}\n",
    "constant.ts": "export const LIMIT = 1;\n",
    "later.ts": "export const NEVER = 1;\n",
  };
  try {
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(folder + name, text);
    const loaded = await loadedFiles(`${folder}main.ts`, folder);
    const byPath = Object.fromEntries(loaded.map(({ path, lines, executed }) => [path, [lines, executed]]));
    assert.deepEqual(byPath, { "main.ts": [4, 0], "used.ts": [8, 3], "constant.ts": [1, 0] });
    assert.deepEqual(countOf(loaded), { loaded: { files: 3, lines: 13 }, executed: { files: 1, lines: 3 } });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("loadedFiles fails with the output of a program that fails", async () => {
  const folder = `${await Deno.makeTempDir({ prefix: "counted-" })}/`;
  try {
    await Deno.writeTextFile(`${folder}main.ts`, 'throw new Error("no store");\n');
    await assert.rejects(loadedFiles(`${folder}main.ts`, folder), /no store/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
