/**
 * Programs run by `deno run`, to measure a newer runtime than the compiled one.
 *
 * @module
 */
import { bundle } from "../../install/compile.ts";

/** A program to measure. */
export interface Plugin {
  /** For the table. */
  readonly name: string;
  /** Its executable. */
  readonly path: string;
}

/** A folder's `main.js`, run by this Deno. */
export async function interpreted(folder: string): Promise<Plugin> {
  const path = `${folder}/run`;
  const command = `exec ${Deno.execPath()} run --no-config --no-prompt -A ${folder}/main.js`;
  await Deno.writeTextFile(path, `#!/bin/sh\n${command}\n`, { mode: 0o755 });
  return { name: `deno run ${Deno.version.deno}`, path };
}

/**
 * Makes the bundle for `deno run`, which reads all chunks with a literal name before it starts, while a compiled program reads a chunk when it
 * imports it: so the names are hidden.
 */
export async function unseeing(folder: string): Promise<string> {
  for (const { name } of Deno.readDirSync(await bundle(folder))) {
    if (!name.endsWith(".js")) continue;
    const text = await Deno.readTextFile(`${folder}/${name}`);
    await Deno.writeTextFile(`${folder}/${name}`, text.replaceAll(/import\(("\.\/[^"]+")\)/g, "import(String($1))"));
  }
  return folder;
}
