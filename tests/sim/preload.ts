/**
 * Loads what the product loads when it is first needed: a module that is loaded during a run takes turns of the event loop, and the run would
 * not be the same a second time.
 *
 * @module
 */

const ROOT = new URL("../../", import.meta.url);

/** Folders of modules without a test's or a command's side effects. */
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
