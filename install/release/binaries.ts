/**
 * The binaries of a release, and their archives for krew.
 *
 * @module
 */
import { bundle, compile } from "../compile.ts";
import { runtimeOf, sha256Of } from "../runtime.ts";
import { tar } from "../../src/values/tar.ts";
import { compress } from "./compress.ts";
import type { Gap, Release } from "./types.ts";

const LICENCE = new URL("../../LICENSE", import.meta.url);

/** A platform of the binary. */
export interface Target {
  /** Its name in container images and for Go programs. */
  readonly arch: "amd64" | "arm64";
  /** Its name for Deno. */
  readonly triple: string;
  /** Its number in an ELF header (`e_machine`). */
  readonly machine: number;
}

/** The platforms of a release. */
export const TARGETS: readonly Target[] = [
  { arch: "amd64", triple: "x86_64-unknown-linux-gnu", machine: 62 },
  { arch: "arm64", triple: "aarch64-unknown-linux-gnu", machine: 183 },
];

/** File name of a binary. */
export function binaryName({ arch }: Target): string {
  return `whereabouts-linux-${arch}`;
}

/**
 * Compiles the binaries. `DENORT_BIN_AMD64` and `DENORT_BIN_ARM64` name compile runtimes, where Deno cannot download them;
 * `RUNTIME_SHA256_AMD64` and `RUNTIME_SHA256_ARM64` are the checksums of the runtimes that the publisher of Deno gives.
 */
export async function makeBinaries(release: Release): Promise<readonly Gap[]> {
  const source = await bundle(undefined, release.revision);
  const gaps: Gap[] = [];
  for (const target of TARGETS) {
    const output = `${release.folder}/${binaryName(target)}`;
    const what = binaryName(target);
    try {
      const reason = await makeBinary(source, output, target);
      if (reason !== undefined) gaps.push({ what, kind: "unverified", reason });
      await archive(output);
    } catch (error) {
      gaps.push({ what, kind: "missing", reason: messageOf(error) });
    }
  }
  return gaps;
}

/**
 * Compiles one binary. Returns why its runtime cannot be trusted.
 *
 * @throws {Error} the runtime of the target cannot be had
 */
async function makeBinary(source: string, output: string, target: Target): Promise<string | undefined> {
  const { arch, triple, machine } = target;
  const runtime = Deno.env.get(`DENORT_BIN_${arch.toUpperCase()}`);
  await compile(source, output, triple, runtime ? { DENORT_BIN: runtime } : {}).catch((error) => {
    throw new Error(
      `${
        messageOf(error)
      }: Deno downloads the compile runtime of ${triple}, or DENORT_BIN_${arch.toUpperCase()} names it`,
    );
  });
  const program = await Deno.readFile(output);
  const found = machineOf(program);
  if (found !== machine) {
    await Deno.remove(output);
    throw new Error(
      `Its compile runtime is for ELF machine ${found}, expected ${machine}: set DENORT_BIN_${arch.toUpperCase()}`,
    );
  }
  return await checkRuntime(program, `RUNTIME_SHA256_${arch.toUpperCase()}`);
}

/** Compares the runtime with its known checksum. Returns why it cannot be trusted. */
async function checkRuntime(program: Uint8Array, variable: string): Promise<string | undefined> {
  const known = Deno.env.get(variable);
  const found = await sha256Of(runtimeOf(program));
  if (known === found) return undefined;
  const expected = known ? `expected ${known} of ${variable}` : `${variable} is not set`;
  return `Its compile runtime has the SHA-256 checksum ${found}, ${expected}: the publisher of Deno gives the right one`;
}

/** The number of the machine in the header of an ELF file (its bytes 18 and 19, little endian). */
export function machineOf(program: Uint8Array): number {
  return (program[18] ?? 0) + 256 * (program[19] ?? 0);
}

async function archive(binary: string): Promise<void> {
  const files = tar([
    { path: "LICENSE", data: await Deno.readFile(LICENCE) },
    { path: "whereabouts", data: await Deno.readFile(binary), mode: 0o755 },
  ]);
  await Deno.writeFile(`${binary}.tar.gz`, compress(files));
}

/** Whether a file exists. */
export async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, (error) => {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
