/**
 * Programs by `deno run`: what a newer runtime than the compiled one makes of them.
 *
 * @module
 */
import { bundle } from "../../install/compile.ts";

/** A program that is measured. */
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
 * Makes the bundle for it. `deno run` reads every chunk that it sees named before it starts, and a compiled program what it comes to: so the
 * names are hidden.
 */
export async function unseeing(folder: string): Promise<string> {
  for (const { name } of Deno.readDirSync(await bundle(folder))) {
    if (!name.endsWith(".js")) continue;
    const text = await Deno.readTextFile(`${folder}/${name}`);
    await Deno.writeTextFile(`${folder}/${name}`, text.replaceAll(/import\(("\.\/[^"]+")\)/g, "import(String($1))"));
  }
  return folder;
}
