/**
 * The binary's entry: `CNI_COMMAND` in the environment makes it a CNI plugin, anything else a command line.
 *
 * @module
 */
import { loadDriver } from "./drivers/mod.ts";
import { directHost } from "./src/cni/call.ts";
import { runPlugin } from "./src/cni/plugin.ts";
import { denoWorld, writeAll } from "./src/world/deno.ts";

const world = denoWorld();
if (world.env("CNI_COMMAND") !== undefined) {
  const { stdout, exitCode } = await runPlugin(world, directHost(loadDriver));
  writeAll(Deno.stdout, stdout);
  Deno.exit(exitCode);
}
const { runCommand } = await import("./src/cli/command.ts");
const stdio = { write: (text: string) => writeAll(Deno.stdout, text), terminal: Deno.stdout.isTerminal() };
Deno.exit(await runCommand(Deno.args, world, loadDriver, stdio));
