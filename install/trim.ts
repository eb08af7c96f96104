/**
 * Removes from a bundle what every start of the binary loads and no call of the plugin uses.
 *
 * The runtime starts its Node layer when the first Node module is imported: a call then uses 1.03 times as much CPU time
 * (`deno task bench --ablation "trimmed bundle"`).
 *
 * @module
 */

/** The bundler's helper for CommonJS modules, which creates `require` even if no module uses it. */
const REQUIRE = /import\{createRequire as (\w+)\} ?from ?"node:module";var (\w+)=\1\(import\.meta\.url\);/;

/** Trims the chunks of a folder. */
export async function trim(folder: string): Promise<void> {
  for (const { name } of Deno.readDirSync(folder)) {
    if (!name.endsWith(".js")) continue;
    const path = `${folder}/${name}`;
    await Deno.writeTextFile(path, withLateRequire(await Deno.readTextFile(path)));
  }
}

/** Makes a chunk create `require` on its first call: CommonJS modules without dependencies never call it. */
export function withLateRequire(text: string): string {
  const require = 'process.getBuiltinModule("module").createRequire(import.meta.url)';
  return text.replace(REQUIRE, (_all, _import, name) => `var ${name}=(id)=>${require}(id);`);
}
