// deno-lint-ignore-file no-console -- a build prints its progress
/**
 * Builds the binary: bundles, minifies, splits and trims the code, then runs `deno compile`.
 *
 * `deno task compile [--target TRIPLE] [--output PATH]`. `WHEREABOUTS_COMPILER` selects another Deno to compile with. `--revision COMMIT` names
 * the commit where git cannot; `--version VERSION` refuses another version. With `--release`, `--image REFERENCE` (once for each base image)
 * and `--runtime-sha256 SHA256` it refuses unpinned images, and a runtime with another checksum.
 *
 * Bundling keeps the packages out of the binary: it starts in a quarter of the time, and reads a chunk only when it is imported.
 *
 * @module
 */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { VERSION } from "../src/version.ts";
import { outputOf, ROOT } from "./command.ts";
import { revisionOf, stamp, timeOf } from "./revision.ts";
import { checkRelease, verifyRuntime } from "./runtime.ts";
import { trim } from "./trim.ts";

const DIST = `${ROOT}dist`;

/**
 * Permissions of the binary. It reads and writes files, and connects to servers, that the configuration names. Only commands run programs,
 * namely the `exec` program of a kubeconfig, which is not known here. Plugin, agent, controller and installer drop that permission first.
 */
const PERMISSIONS = ["--allow-read", "--allow-write", "--allow-net", "--allow-env", "--allow-sys", "--allow-run"];

/**
 * A small young generation: an agent keeps less memory after a thousand concurrent calls. With less than this, a call of the plugin collects
 * garbage (measured: 2 ms). A controller collects garbage after each list of a sweep: with 100,000 entries its memory peaks at 310 MB instead of
 * 430.
 */
const V8_FLAGS = "--max-semi-space-size=4,--expose-gc";

/** Bundles `main.ts` into `dist/bundle`, with the commit that is given, or that git names. */
export async function bundle(folder = `${DIST}/bundle`, revision = ""): Promise<string> {
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  const options = ["--minify", "--platform", "deno", "--code-splitting", "--outdir", folder];
  await outputOf([Deno.execPath(), "bundle", "--quiet", ...options, `${ROOT}main.ts`]);
  await trim(folder);
  const commit = revision !== "" && revision !== "unknown" ? revision : await revisionOf(ROOT);
  if (commit) await stamp(folder, commit);
  else console.error(`Found no commit of ${ROOT} by git: the version has the revision "unknown"; --revision names it`);
  await copyProtocolFiles(`${folder}/proto`);
  await bundlePage(folder);
  await setTimes(folder, await timeOf(ROOT));
  return folder;
}

/** The page of `whereabouts ui`, which the program reads at run time (`src/world/deno_page.ts`). */
async function bundlePage(folder: string): Promise<void> {
  const options = ["--minify", "--platform", "browser", "--output", `${folder}/page.js`];
  await outputOf([Deno.execPath(), "bundle", "--quiet", ...options, `${ROOT}page/main.tsx`]);
  await Deno.copyFile(`${ROOT}page/style.css`, `${folder}/page.css`);
}

/** A compiled program contains the times of its files. */
async function setTimes(folder: string, time: number): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) await setTimes(`${folder}/${name}`, time);
    await Deno.utime(`${folder}/${name}`, time, time);
  }
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

/**
 * Compiles a bundle, without a code cache: root must not load code from a predictable path in a shared folder.
 *
 * @param target default: the platform of this machine
 * @param env variables for `deno compile`, beside its own
 */
export async function compile(
  folder: string,
  output: string,
  target?: string,
  env: Record<string, string> = {},
): Promise<void> {
  const compiler = Deno.env.get("WHEREABOUTS_COMPILER") ?? Deno.execPath();
  await outputOf([
    compiler,
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
  ], env);
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      target: { type: "string" },
      output: { type: "string" },
      version: { type: "string", default: "" },
      revision: { type: "string", default: "" },
      release: { type: "boolean", default: false },
      image: { type: "string", multiple: true, default: [] },
      "runtime-sha256": { type: "string", default: "" },
    },
  });
  const output = values.output ?? `${DIST}/whereabouts`;
  if (values.version && values.version !== VERSION) {
    throw new RangeError(`--version ${JSON.stringify(values.version)}: the source has the version ${VERSION}`);
  }
  if (values.release) checkRelease(values.image, values["runtime-sha256"]);
  console.error("Bundling main.ts");
  const folder = await bundle(undefined, values.revision);
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
