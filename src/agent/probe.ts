/**
 * Whether a node's agent serves calls: the question of the kubelet's probes. They ask the socket that the plugin uses, since that is what must
 * work; the HTTP address may be another process's.
 *
 * @module
 */
import type { World } from "../world/world.ts";
import { type AgentAnswer, type AgentRequest, PROTOCOL } from "./protocol.ts";

/** Milliseconds an agent may take: it answers from memory, and may be busy with a thousand calls. */
const PROBE_TIMEOUT = 5_000;

/** VERSION needs no configuration, no store and no lock. */
const QUESTION: AgentRequest = { protocol: PROTOCOL, env: { CNI_COMMAND: "VERSION" }, stdin: "" };

/**
 * Asks the agent on a socket.
 *
 * @returns undefined where it serves; otherwise the reason why not
 */
export async function probe(world: Pick<World, "exchange">, socket: string): Promise<string | undefined> {
  try {
    const reply = await world.exchange(socket, `${JSON.stringify(QUESTION)}\n`, PROBE_TIMEOUT);
    if (reply === undefined) return `No agent listens on ${socket}`;
    const { protocol, exitCode }: Partial<AgentAnswer> = JSON.parse(reply);
    if (protocol === PROTOCOL && exitCode === 0) return undefined;
    return `What listens on ${socket} is no agent of protocol ${PROTOCOL}`;
  } catch (error) {
    return `The agent on ${socket} does not serve: ${error instanceof Error ? error.message : error}`;
  }
}
