/**
 * The binary's entry: `CNI_COMMAND` in the environment makes it a CNI plugin, anything else a command line.
 *
 * A call of the plugin goes to the node's agent where there is one; everything else is loaded only when it is needed.
 *
 * @module
 */
import { agentCall, askAgent } from "./src/agent/client.ts";
import { seedTls } from "./src/cni/seed.ts";
import { denoWorld, writeAll } from "./src/world/deno.ts";
import { forgoPrograms, onUncaught } from "./src/world/deno_process.ts";

/** Bytes of standard input that are read: one more than the plugin takes, so that it can refuse. */
const MOST_INPUT = 4 * 1024 * 1024 + 1;

const world = denoWorld();
const loadDriver = async (kind: "kubernetes" | "etcd" | "embedded") =>
  (await import("./drivers/mod.ts")).loadDriver(kind);
if (world.env("CNI_COMMAND") !== undefined) {
  forgoPrograms();
  onUncaught((error) => void answerUncaught(error));
  const input = world.env("CNI_COMMAND") === "VERSION"
    ? new Uint8Array()
    : await world.stdin(MOST_INPUT).catch(() => undefined);
  const call = input && agentCall(world, input);
  const answer = (call && await askAgent(world, call)) ?? await serveDirectly(input);
  writeAll(Deno.stdout, answer.stdout);
  Deno.exit(answer.exitCode);
}
const { runProcess } = await import("./src/cli/process.ts");
Deno.exit(await runProcess(Deno.args, world, loadDriver, await import("./drivers/cluster.ts")));

/** Whatever happens, the runtime gets one error object. */
async function answerUncaught(error: unknown) {
  const { renderError, toCniError } = await import("./src/cni/failure.ts");
  writeAll(Deno.stdout, renderError(toCniError(error)));
  Deno.exit(1);
}

async function serveDirectly(input: Uint8Array | undefined) {
  if (input?.length) void seedTls(new TextDecoder().decode(input));
  const { runPlugin } = await import("./src/cni/plugin.ts");
  const { directHost } = await import("./src/cni/call.ts");
  const stdin = (limit: number) => {
    if (input && input.length <= limit) return Promise.resolve(input);
    return Promise.reject(new RangeError(`Standard input is longer than ${limit} bytes`));
  };
  return await runPlugin({ ...world, stdin }, directHost(loadDriver));
}
