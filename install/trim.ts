/**
 * Takes from a bundle what every start of the binary would pay for and a call of the plugin does not use.
 *
 * The runtime reads its whole payload before the first line of the program (measured: 0.8 ms a megabyte), and starts its Node layer with
 * the first Node module that is imported (2.4 ms).
 *
 * @module
 */
import { gzipSync } from "node:zlib";

/** Chunks from this many bytes on are kept compressed. Only client libraries are as long, and the plugin waits for none of them. */
const PACKED_FROM = 1_000_000;

/** How the bundler's helper for CommonJS modules makes its `require`, whether or not a module needs one. */
const REQUIRE = /import\{createRequire as (\w+)\} ?from ?"node:module";var (\w+)=\1\(import\.meta\.url\);/;

/** The module of the bundle that holds `unpack`. */
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

/** A chunk whose `require`, where it has one, is made when a module first calls it: CommonJS modules without dependencies never do. */
export function withLateRequire(text: string): string {
  const require = 'process.getBuiltinModule("module").createRequire(import.meta.url)';
  return text.replace(REQUIRE, (_all, _import, name) => `var ${name}=(id)=>${require}(id);`);
}

/**
 * A chunk that loads others from their packed form.
 *
 * @throws an Error: it imports one of them before it runs, and what is packed can only be asked for
 */
export function withPacked(text: string, packed: readonly string[]): string {
  return packed.reduce((rest, name) => {
    const asked = rest.replaceAll(`import("./${name}")`, `import("./${UNPACK}").then((m)=>m.unpack("./${name}.gz"))`);
    if (asked.includes(`"./${name}"`)) throw new Error(`${name} is too long for a chunk that is always loaded`);
    return asked;
  }, text);
}

/** Loads a packed chunk. Its source text goes into the bundle: it uses nothing of this module. */
async function unpack(path: string): Promise<unknown> {
  const { Buffer } = await import("node:buffer");
  const { gunzipSync } = await import("node:zlib");
  const text = gunzipSync(await Deno.readFile(new URL(path, import.meta.url))).toString();
  // a data URL has no folder, so its imports of other chunks must name theirs
  const placed = text.replaceAll(
    /(from|import)"(\.\/[^"/]+\.js)"/g,
    (_, verb, chunk) => `${verb}"${new URL(chunk, import.meta.url)}"`,
  );
  return await import(`data:text/javascript;base64,${Buffer.from(placed).toString("base64")}`);
}
