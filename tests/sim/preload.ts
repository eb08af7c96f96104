/**
 * Loads all modules of the product before the run: a module that loads during a run takes turns of the event loop, so a second run would not
 * repeat the first.
 *
 * @module
 */

const ROOT = new URL("../../", import.meta.url);

/** Folders whose modules have no side effects. */
const FOLDERS = [
  "src/agent",
  "src/cni",
  "src/cni/verbs",
  "src/config",
  "src/controllers",
  "src/ipam",
  "src/journal",
  "src/pool",
  "src/storage",
  "drivers/embedded",
  "drivers/kubernetes",
  "drivers/net",
];

for (const folder of FOLDERS) {
  for (const { name, isFile } of Deno.readDirSync(new URL(`${folder}/`, ROOT))) {
    if (isFile && name.endsWith(".ts")) await import(`${ROOT}${folder}/${name}`);
  }
}
