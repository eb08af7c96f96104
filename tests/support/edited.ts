/**
 * Copies of the project's sources in which some text is replaced.
 *
 * @module
 */
import assert from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url).pathname;

/** One edit of the source. */
export interface Edit {
  /** The source file. */
  readonly file: string;
  /** The text to replace. The file contains it exactly once. */
  readonly find: string;
  /** The text that replaces it. */
  readonly replace: string;
}

/** Edits of one file. */
export function editsOf(file: string, ...edits: readonly (readonly [find: string, replace: string])[]): Edit[] {
  return edits.map(([find, replace]) => ({ file, find, replace }));
}

/**
 * Copies files and folders to a temporary folder, which the caller removes, and edits the copy.
 *
 * @throws an AssertionError if a file contains the text of an edit not exactly once
 */
export async function editedCopy(parts: readonly string[], edits: readonly Edit[]): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "edited-" });
  for (const part of parts) {
    await Deno.mkdir(`${folder}/${part}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await copy(`${ROOT}${part}`, `${folder}/${part}`);
  }
  for (const { file, find, replace } of edits) {
    const text = await Deno.readTextFile(`${folder}/${file}`);
    const places = text.split(find).length - 1;
    assert.equal(places, 1, `${file} contains ${JSON.stringify(find)} ${places} times, expected once: adapt the edit`);
    await Deno.writeTextFile(`${folder}/${file}`, text.replace(find, () => replace));
  }
  return folder;
}

/** Copies a file, or a folder with its content. */
async function copy(from: string, to: string): Promise<void> {
  if ((await Deno.stat(from)).isFile) return await Deno.copyFile(from, to);
  await Deno.mkdir(to, { recursive: true });
  for await (const { name } of Deno.readDir(from)) await copy(`${from}/${name}`, `${to}/${name}`);
}
