import assert from "node:assert/strict";
import { bundle } from "../../install/compile.ts";

/** The chunks that a chunk imports statically. */
function imports(text: string): string[] {
  return [...text.matchAll(/(?:from|import)\s*"(\.\/[^"]+\.js)"/g)].map(([, path = ""]) => path.slice(2));
}

Deno.test("the bundle's plugin path on the kubernetes store loads no client library and no Node layer", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await bundle(`${folder}/b`);
    const read = (name: string) => Deno.readTextFileSync(`${folder}/b/${name}`);
    const names = [...Deno.readDirSync(`${folder}/b`)].map(({ name }) => name).filter((name) => name.endsWith(".js"));
    const chunkOf = (prefix: string, holds: string) =>
      names.filter((name) => name.startsWith(prefix) && read(name).includes(holds));
    const path = [
      "main.js",
      ...chunkOf("plugin-", ""),
      ...chunkOf("mod-", ""),
      ...chunkOf("driver-", "ippools"),
    ];
    assert(path.length >= 4, `expected the chunks of an ADD, got ${path.join(", ")}`);
    const loaded = new Set<string>();
    const visit = (name: string) => {
      if (loaded.has(name)) return;
      loaded.add(name);
      imports(read(name)).forEach(visit);
    };
    path.forEach(visit);
    const total = [...loaded].reduce((sum, name) => sum + Deno.statSync(`${folder}/b/${name}`).size, 0);
    assert(total > 20_000, `a path of ${total} bytes cannot be the whole: ${[...loaded].join(", ")}`);
    assert(names.includes("page.js") && !loaded.has("page.js"), "the page is beside the program, and no call reads it");
    for (const name of loaded) {
      assert.doesNotMatch(read(name), /grpc|KubeConfig|parseArgs|default-src/, name);
      assert.doesNotMatch(read(name), /"node:/, `${name} starts the Node layer`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
