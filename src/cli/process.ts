/**
 * Runs commands in this process.
 *
 * @module
 */
import { denoTerminal } from "../world/deno_terminal.ts";
import type { World } from "../world/world.ts";
import { runCommand } from "./command.ts";
import type { Terminal } from "./terminal.ts";

/** Runs a command with the real terminal. Returns the exit code. */
export function runProcess(
  args: readonly string[],
  world: World,
  loadDriver: Terminal["loadDriver"],
  { inspectApi, openCluster, readDocuments, writeYaml }: Pick<
    Terminal,
    "inspectApi" | "openCluster" | "readDocuments" | "writeYaml"
  >,
): Promise<number> {
  return runCommand(args, world, loadDriver, {
    ...denoTerminal(),
    inspectApi,
    openCluster,
    readDocuments,
    writeYaml,
  });
}
