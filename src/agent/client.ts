/**
 * The plugin's side of the protocol: sends the call to the agent, returns the answer. Most calls load no other code, so it imports little.
 *
 * @module
 */
import type { Answer, Call } from "../call/call.ts";
import { resolveBelow } from "../world/confine.ts";
import type { World } from "../world/world.ts";
import {
  AGENT_TIMEOUT,
  type AgentAnswer,
  type AgentRequest,
  DEFAULT_SOCKET,
  type LogLines,
  PROTOCOL,
  SOCKET_VARIABLE,
} from "./protocol.ts";
import { messageOf } from "../values/errors.ts";

/**
 * Sends the call to the node's agent. Input that is not text is not sent: the direct path refuses it.
 *
 * @returns the answer; undefined if no agent answers: the call is then served directly, which is safe because every verb can be repeated
 */
export async function askAgent(world: World, { env, text }: Call): Promise<Answer | undefined> {
  const socket = socketOf(world);
  if (socket === undefined || text === undefined) return undefined;
  try {
    const request: AgentRequest = { protocol: PROTOCOL, env, stdin: text };
    const reply = await world.exchange(socket, `${JSON.stringify(request)}\n`, AGENT_TIMEOUT);
    if (reply === undefined) return undefined;
    const answer: Partial<AgentAnswer> = JSON.parse(reply);
    if (answer.protocol === PROTOCOL && typeof answer.stdout === "string" && typeof answer.exitCode === "number") {
      for (const lines of answer.logs ?? []) await writeLog(world, lines);
      return { stdout: answer.stdout, exitCode: answer.exitCode };
    }
    throw new Error("its answer has an unknown format");
  } catch (error) {
    world.stderr(
      `The agent at ${socket} did not serve the call, so it is served directly: ${messageOf(error)}`,
    );
    return undefined;
  }
}

/** Prints a failure to standard error: the agent has served the call, so that lost log lines do not fail it. */
async function writeLog(world: World, { file, text, confinedTo }: LogLines): Promise<void> {
  try {
    world.appendTextFile(confinedTo ? await resolveBelow(world, file, confinedTo) : file, text);
  } catch (error) {
    world.stderr(`Cannot write log_file ${JSON.stringify(file)}: ${messageOf(error)}`);
  }
}

/**
 * The environment may name another socket. A network configuration may not: its author could make root connect to any path, and create
 * files there.
 */
function socketOf(world: Pick<World, "env">): string | undefined {
  const socket = world.env(SOCKET_VARIABLE) || DEFAULT_SOCKET;
  return socket === "off" ? undefined : socket;
}
