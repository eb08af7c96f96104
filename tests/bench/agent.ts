/**
 * The agent in the bench: the same calls, sent over a socket.
 *
 * @module
 */
import { SOCKET_VARIABLE } from "../../src/agent/protocol.ts";
import { ALLOWED } from "../support/binary.ts";
import { isThere, Server } from "../support/process.ts";

/** A running agent. */
export interface BenchAgent extends AsyncDisposable {
  /** The environment variable that names its socket. */
  readonly env: Readonly<Record<string, string>>;
  /** Its resident memory, in megabytes. */
  memory(): number;
}

/** Starts the agent of a plugin's binary in its own folder. */
export async function startAgent(path: string): Promise<BenchAgent> {
  const folder = await Deno.makeTempDir({ prefix: "bench-agent-" });
  const socket = `${folder}/agent.sock`;
  const server = new Server([path, "agent", "--socket", socket, "--log-level", "error"], `${folder}/log`, {
    WHEREABOUTS_JOURNAL: folder,
    WHEREABOUTS_ALLOW_PATHS: ALLOWED,
  });
  await server.ready("the agent", () => isThere(socket));
  return {
    env: { [SOCKET_VARIABLE]: socket },
    memory: () => Number(/VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${server.pid}/status`))?.[1]) / 1024,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}
