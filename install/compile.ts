// deno-lint-ignore-file no-console -- a build tells what it does
/**
 * Makes the binary: bundle, minified, split and trimmed, then `deno compile`.
 *
 * `deno task compile [--target TRIPLE] [--output PATH]`. `WHEREABOUTS_COMPILER` names another Deno to compile with. With `--release`,
 * `--image REFERENCE` (once for each base image) and `--runtime-sha256 SHA256` it refuses what is not pinned, and a runtime with another
 * checksum.
 *
 * Bundling first keeps the packages out of the binary: it starts in a quarter of the time, and a chunk is read only when it is reached.
 *
 * @module
 */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { checkRelease, verifyRuntime } from "./runtime.ts";
import { trim } from "./trim.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const DIST = `${ROOT}dist`;

/**
 * What the binary may do. It reads and writes files that the configuration names, and talks to servers that it names. Programs are started
 * by commands alone, where the kubeconfig of whoever runs them names one (`exec`): which one is not known here. Plugin, agent, controller
 * and installer give that right up before they do anything else.
 */
const PERMISSIONS = ["--allow-read", "--allow-write", "--allow-net", "--allow-env", "--allow-sys", "--allow-run"];

/**
 * The space for young objects stays small: an agent that served a thousand calls at once keeps less memory afterwards. With less than
 * this a call of the plugin collects garbage on its way (measured: 2 ms).
 */
const V8_FLAGS = "--max-semi-space-size=4";

/** Bundles `main.ts` into `dist/bundle`. */
export async function bundle(folder = `${DIST}/bundle`): Promise<string> {
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  const options = ["--minify", "--platform", "deno", "--code-splitting", "--outdir", folder];
  await must(Deno.execPath(), ["bundle", "--quiet", ...options, `${ROOT}main.ts`]);
  await trim(folder);
  await copyProtocolFiles(`${folder}/proto`);
  return folder;
}

/** The etcd library reads its protocol files at run time (`drivers/etcd/library.ts`). */
async function copyProtocolFiles(folder: string): Promise<void> {
  const library = createRequire(new URL("../drivers/etcd/library.ts", import.meta.url)).resolve("etcd3/package.json");
  const protocols = new URL("./proto/", pathToFileURL(library));
  await Deno.mkdir(folder);
  for await (const { name } of Deno.readDir(protocols)) {
    await Deno.copyFile(new URL(name, protocols), `${folder}/${name}`);
  }
}

/** Compiles a bundle. Its code cache is off: a predictable file in a shared folder is nothing for a process of root's. */
export async function compile(folder: string, output: string, target?: string): Promise<void> {
  const compiler = Deno.env.get("WHEREABOUTS_COMPILER") ?? Deno.execPath();
  await must(compiler, [
    "compile",
    "--quiet",
    "--no-config",
    "--no-check",
    "--no-code-cache",
    "--no-prompt",
    `--v8-flags=${V8_FLAGS}`,
    ...PERMISSIONS,
    ...(target ? ["--target", target] : []),
    "--include",
    folder,
    "--output",
    output,
    `${folder}/main.js`,
  ]);
}

async function must(command: string, args: readonly string[]): Promise<void> {
  const { code } = await new Deno.Command(command, { args: [...args], cwd: ROOT, stdin: "null" }).output()
    .then(({ code, stderr }) => {
      if (code !== 0) console.error(new TextDecoder().decode(stderr));
      return { code };
    });
  if (code !== 0) throw new Error(`${command} ${args[0]} ended with ${code}`);
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      target: { type: "string" },
      output: { type: "string" },
      release: { type: "boolean", default: false },
      image: { type: "string", multiple: true, default: [] },
      "runtime-sha256": { type: "string", default: "" },
    },
  });
  const output = values.output ?? `${DIST}/whereabouts`;
  if (values.release) checkRelease(values.image, values["runtime-sha256"]);
  console.error("Bundling main.ts");
  const folder = await bundle();
  console.error(`Compiling ${output}`);
  await compile(folder, output, values.target);
  if (values.release) {
    await verifyRuntime(await Deno.readFile(output), values["runtime-sha256"]).catch(async (error) => {
      await Deno.remove(output);
      throw error;
    });
  }
  const { size } = await Deno.stat(output);
  console.error(`${output}: ${(size / 1e6).toFixed(1)} MB`);
}
