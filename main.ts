/**
 * Entry of the binary: a CNI plugin if the environment has `CNI_COMMAND`, else a command line.
 *
 * The plugin sends its call to the node's agent; the code to serve the call here is loaded only if no agent answers.
 *
 * @module
 */
import { askAgent } from "./src/agent/client.ts";
import { type Answer, type Call, readCall } from "./src/call/call.ts";
import { warmUpTls } from "./src/cni/warm_tls.ts";
import { denoWorld, writeAll } from "./src/world/deno.ts";
import { forgoPrograms, onUncaught } from "./src/world/deno_process.ts";

const world = denoWorld();
const plugin = () => import("./src/cni/plugin.ts");
const loadDriver = async (kind: "kubernetes" | "etcd" | "embedded") =>
  (await import("./drivers/mod.ts")).loadDriver(kind);
if (world.env("CNI_COMMAND") !== undefined) {
  forgoPrograms();
  onUncaught((error) => void plugin().then(({ failed }) => end(failed(error)))); // the runtime always gets one error object
  const call = await readCall(world);
  end(await askAgent(world, call) ?? await serveHere(call));
}
const { runProcess } = await import("./src/cli/process.ts");
Deno.exit(await runProcess(Deno.args, world, loadDriver, await import("./drivers/cluster.ts")));

async function serveHere(call: Call): Promise<Answer> {
  void warmUpTls(call);
  return await (await plugin()).serveDirectly(call, world, loadDriver);
}

function end({ stdout, exitCode }: Answer): never {
  writeAll(Deno.stdout, stdout);
  Deno.exit(exitCode);
}
