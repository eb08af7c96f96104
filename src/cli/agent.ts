/**
 * `agent`: runs the node agent.
 *
 * @module
 */
import { runAgent } from "../agent/agent.ts";
import { probe } from "../agent/probe.ts";
import { DEFAULT_SOCKET, SOCKET_VARIABLE } from "../agent/protocol.ts";
import { makeLogger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import { type Command, defineCommand, type Flags, type Values } from "./define.ts";
import { parseServerFlags, SERVER_FLAGS } from "./server.ts";
import type { Terminal } from "./terminal.ts";

/** The agent's flags. */
export const AGENT_FLAGS = {
  socket: {
    type: "string",
    value: "PATH",
    help: `Path of the socket; else ${SOCKET_VARIABLE}, else ${DEFAULT_SOCKET}`,
  },
  ...SERVER_FLAGS,
} as const satisfies Flags;

/** Runs the agent until it receives a signal to stop. */
export const agent: Command = defineCommand({
  about: ["Run the node agent, which answers calls of the plugin over a socket that only root can use."],
  flags: {
    probe: {
      type: "boolean",
      help: "Check whether the agent on the socket serves, and exit (for probes of the kubelet)",
    },
    ...AGENT_FLAGS,
  },
  exits: { 1: "The command failed, or --probe found no agent that serves" },
}, async (terminal, values) => {
  if (!values.probe) return await serve(terminal, values, 0);
  const reason = await probe(terminal.world, socketOf(terminal.world, values.socket));
  if (reason !== undefined) terminal.world.stderr(reason);
  return reason === undefined ? 0 : 1;
});

function socketOf(world: World, given: string | undefined): string {
  return given ?? world.env(SOCKET_VARIABLE) ?? DEFAULT_SOCKET;
}

/**
 * Runs the agent, also for the installer. Returns the exit code.
 *
 * @param timeout milliseconds to wait for another agent to end, before it refuses to start
 */
export async function serve(
  { world, loadDriver, platform }: Terminal,
  values: Values<typeof AGENT_FLAGS>,
  timeout: number,
): Promise<number> {
  const { log: logging, ...options } = parseServerFlags(values);
  const socket = socketOf(world, values.socket);
  const log = makeLogger(world, logging);
  await runAgent(world, await platform(), loadDriver, log, { socket, timeout, ...options });
  return 0;
}
