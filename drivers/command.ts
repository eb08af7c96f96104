/**
 * The commands of the binary, for scripts.
 *
 * @module
 */
import { denoWorld } from "../src/world/deno.ts";
import { loadDriver } from "./mod.ts";
import * as cluster from "./cluster.ts";

/**
 * Runs a command of `whereabouts` in this process, which it may change: it handles uncaught errors, and commands that need no program drop the
 * permission to run one. Prints to standard output and standard error.
 *
 * @param name the command: `reconcile`
 * @param args its flags and operands, as on the command line
 * @returns the exit code
 *
 * @example
 * ```ts
 * import { command } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(await command("reconcile", ["--help"]), 0);
 * assert.equal(await command("reconcile", ["--nonsense"]), 2);
 * ```
 */
export async function command(name: string, args: readonly string[]): Promise<number> {
  const { runProcess } = await import("../src/cli/process.ts");
  return await runProcess([name, ...args], denoWorld(), loadDriver, cluster);
}
