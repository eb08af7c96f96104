/**
 * The compiled plugin, made once and run as a runtime runs it.
 *
 * @module
 */
import { bundle, compile } from "../../install/compile.ts";
import { lockFolder } from "./assets.ts";
import { compiler } from "./denort.ts";
import { type Finished, run } from "./process.ts";

/** Where test files that run together share the binary. The first one that wants it makes it. */
const SHARED = "WHEREABOUTS_TEST_BINARY";

/** Compiles the plugin, and returns its path. */
export async function binary(): Promise<string> {
  const shared = Deno.env.get(SHARED);
  const output = shared ?? `${await Deno.makeTempDir({ prefix: "whereabouts-" })}/whereabouts`;
  const folder = output.slice(0, output.lastIndexOf("/"));
  using _lock = await lockFolder(folder);
  if ((await run(["test", "-x", output])).code === 0) return output;
  const unfinished = `${folder}/unfinished`;
  await compileWith(await bundle(`${folder}/bundle`), unfinished);
  await Deno.rename(unfinished, output);
  return output;
}

/** Compiles a folder's `main.js` with a Deno that can. */
export async function compileWith(folder: string, output: string): Promise<void> {
  for (const [name, value] of Object.entries(await compilation())) Deno.env.set(name, value);
  await compile(folder, output);
}

/** Variables of a process that compiles: they name a Deno that can. */
export async function compilation(): Promise<Record<string, string>> {
  const { deno, env } = await compiler();
  return { ...env, WHEREABOUTS_COMPILER: deno };
}

/** The variable that tells test files of a shared binary. */
export function sharedBinary(path: string): Record<string, string> {
  return { [SHARED]: path };
}

/** One call of a runtime. */
export interface Call {
  /** `CNI_COMMAND`. */
  readonly verb: string;
  /** The network configuration. */
  readonly conf: unknown;
  /** `CNI_CONTAINERID`. */
  readonly containerId?: string;
  /** `CNI_IFNAME`. Default `net1`. */
  readonly ifName?: string;
  /** Pod `default/NAME`; absent: no CNI_ARGS. */
  readonly pod?: string;
  /** Socket of the node's agent. Default: one where nobody listens. */
  readonly socket?: string;
}

/** The journal of this test file's node. */
const JOURNAL = Deno.makeTempDirSync({ prefix: "journal-" });

/** Where tests keep the files that networks name: the folder of temporary folders. */
export const ALLOWED = JOURNAL.slice(0, JOURNAL.lastIndexOf("/"));

/** The environment of a call, and nothing else: HOME is not set below a runtime. */
export function environmentOf({ verb, containerId, ifName = "net1", pod, socket }: Call): Record<string, string> {
  return {
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    CNI_COMMAND: verb,
    CNI_PATH: "/opt/cni/bin",
    CNI_IFNAME: ifName,
    CNI_NETNS: "/run/netns/none",
    WHEREABOUTS_ALLOW_PATHS: ALLOWED,
    WHEREABOUTS_JOURNAL: JOURNAL,
    WHEREABOUTS_AGENT_SOCKET: socket ?? `${JOURNAL}/agent.sock`,
    ...(containerId && { CNI_CONTAINERID: containerId }),
    ...(pod && { CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=${pod}` }),
  };
}

/** Runs the plugin. */
export function callPlugin(path: string, call: Call): Promise<Finished> {
  return run([path], { env: environmentOf(call), clearEnv: true, stdin: JSON.stringify(call.conf) });
}
