/**
 * Checks for the kubelet's probes whether the node's agent serves calls. The check uses the socket of the plugin, because that must work;
 * another process may serve the HTTP address.
 *
 * @module
 */
import type { World } from "../world/world.ts";
import { type AgentAnswer, type AgentRequest, PROTOCOL } from "./protocol.ts";
import { messageOf } from "../values/errors.ts";

/** Milliseconds that the agent may take to answer: it needs no store for it, but may be busy with a thousand calls. */
const PROBE_TIMEOUT = 5_000;

/** VERSION needs no configuration, store or lock. */
const REQUEST: AgentRequest = { protocol: PROTOCOL, env: { CNI_COMMAND: "VERSION" }, stdin: "" };

/**
 * Checks the agent on a socket.
 *
 * @returns undefined if it serves, else the reason why it does not
 */
export async function probe(world: Pick<World, "exchange">, socket: string): Promise<string | undefined> {
  try {
    const reply = await world.exchange(socket, `${JSON.stringify(REQUEST)}\n`, PROBE_TIMEOUT);
    if (reply === undefined) return `No agent listens on ${socket}`;
    const { protocol, exitCode }: Partial<AgentAnswer> = JSON.parse(reply);
    if (protocol === PROTOCOL && exitCode === 0) return undefined;
    return `The process that listens on ${socket} is not an agent with protocol ${PROTOCOL}`;
  } catch (error) {
    return `The agent on ${socket} does not serve: ${messageOf(error)}`;
  }
}
