/**
 * Removes from a bundle what slows every start of the binary and what a call of the plugin does not use.
 *
 * The runtime reads its whole payload before it runs the program (measured: 0.8 ms per megabyte), and starts its Node layer when the first Node
 * module is imported (2.4 ms).
 *
 * @module
 */
import { gzipSync } from "node:zlib";

/** Min. bytes of a chunk that is compressed. Only client libraries are that large, and the plugin loads none of them. */
const PACKED_FROM = 1_000_000;

/** The bundler's helper for CommonJS modules, which creates `require` even if no module uses it. */
const REQUIRE = /import\{createRequire as (\w+)\} ?from ?"node:module";var (\w+)=\1\(import\.meta\.url\);/;

/** The module of the bundle that exports `unpack`. */
const UNPACK = "unpack.js";

/** Trims the chunks of a folder. */
export async function trim(folder: string): Promise<void> {
  const names = Array.from(Deno.readDirSync(folder), ({ name }) => name).filter((name) => name.endsWith(".js"));
  const chunks = new Map(names.map((name) => [name, Deno.readTextFileSync(`${folder}/${name}`)]));
  const large = names.filter((name) => Deno.statSync(`${folder}/${name}`).size >= PACKED_FROM);
  for (const [name, text] of chunks) {
    const trimmed = withLateRequire(text);
    if (large.includes(name)) {
      await Deno.writeFile(`${folder}/${name}.gz`, gzipSync(trimmed));
      await Deno.remove(`${folder}/${name}`);
    } else await Deno.writeTextFile(`${folder}/${name}`, withPacked(trimmed, large));
  }
  if (large.length > 0) await Deno.writeTextFile(`${folder}/${UNPACK}`, `export ${unpack}\n`);
}

/** Makes a chunk create `require` on its first call: CommonJS modules without dependencies never call it. */
export function withLateRequire(text: string): string {
  const require = 'process.getBuiltinModule("module").createRequire(import.meta.url)';
  return text.replace(REQUIRE, (_all, _import, name) => `var ${name}=(id)=>${require}(id);`);
}

/**
 * Makes a chunk load others from their packed form.
 *
 * @throws an Error if it imports one of them statically: a packed chunk can only be imported dynamically
 */
export function withPacked(text: string, packed: readonly string[]): string {
  return packed.reduce((rest, name) => {
    const replaced = rest.replaceAll(
      `import("./${name}")`,
      `import("./${UNPACK}").then((m)=>m.unpack("./${name}.gz"))`,
    );
    if (replaced.includes(`"./${name}"`)) throw new Error(`${name} is too large for a chunk that is always loaded`);
    return replaced;
  }, text);
}

/** Loads a packed chunk. Its source text is copied to the bundle, so it must not use anything of this module. */
async function unpack(path: string): Promise<unknown> {
  const { Buffer } = await import("node:buffer");
  const { gunzipSync } = await import("node:zlib");
  const text = gunzipSync(await Deno.readFile(new URL(path, import.meta.url))).toString();
  // imports of other chunks become absolute, since a data URL has no folder
  const placed = text.replaceAll(
    /(from|import)"(\.\/[^"/]+\.js)"/g,
    (_, verb, chunk) => `${verb}"${new URL(chunk, import.meta.url)}"`,
  );
  return await import(`data:text/javascript;base64,${Buffer.from(placed).toString("base64")}`);
}
