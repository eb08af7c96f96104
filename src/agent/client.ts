/**
 * The plugin's side of the agent: hand the call over, print the answer. It stands alone, because it is all that most calls load.
 *
 * @module
 */
import type { PluginAnswer } from "../cni/plugin.ts";
import { resolveBelow } from "../world/confine.ts";
import type { World } from "../world/world.ts";
import {
  AGENT_SHARE,
  type AgentAnswer,
  type AgentRequest,
  DEFAULT_SOCKET,
  FORWARDED,
  type LogLines,
  PROTOCOL,
  SOCKET_VARIABLE,
} from "./protocol.ts";

/** A call that an agent may serve. */
export interface AgentCall {
  /** Where the agent listens. */
  readonly socket: string;
  /** What it is told. */
  readonly request: AgentRequest;
}

/**
 * The call of this process, for an agent.
 *
 * @param stdin standard input, as read
 * @returns undefined where no agent is to be asked, or where what was read is no text
 */
export function agentCall(world: World, stdin: Uint8Array): AgentCall | undefined {
  const text = decode(stdin);
  const socket = text === undefined ? undefined : socketOf(world);
  if (text === undefined || socket === undefined) return undefined;
  const env: Record<string, string> = {};
  for (const name of FORWARDED) {
    const value = world.env(name);
    if (value !== undefined) env[name] = value;
  }
  return { socket, request: { protocol: PROTOCOL, env, stdin: text } };
}

/**
 * Asks an agent.
 *
 * @returns the answer; undefined where there is no agent, or none that answers: the call is then served directly, which is safe because
 * every verb can be repeated
 */
export async function askAgent(world: World, { socket, request }: AgentCall): Promise<PluginAnswer | undefined> {
  try {
    const reply = await world.exchange(socket, `${JSON.stringify(request)}\n`, AGENT_SHARE);
    if (reply === undefined) return undefined;
    const answer: Partial<AgentAnswer> = JSON.parse(reply);
    if (answer.protocol === PROTOCOL && typeof answer.stdout === "string" && typeof answer.exitCode === "number") {
      for (const lines of answer.logs ?? []) await writeLog(world, lines);
      return { stdout: answer.stdout, exitCode: answer.exitCode };
    }
    throw new Error("its answer is of another protocol");
  } catch (error) {
    world.stderr(
      `The agent at ${socket} did not serve the call, so it is served directly: ${
        error instanceof Error ? error.message : error
      }`,
    );
    return undefined;
  }
}

/** The agent served the call; that its lines cannot be written is no failure of it. */
async function writeLog(world: World, { file, text, confinedTo }: LogLines): Promise<void> {
  try {
    const path = confinedTo ? await resolveBelow(world, file, confinedTo) : file;
    world.appendLog(path, text);
  } catch (error) {
    world.stderr(`Cannot write log_file ${JSON.stringify(file)}: ${error instanceof Error ? error.message : error}`);
  }
}

function decode(stdin: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(stdin);
  } catch {
    return undefined;
  }
}

/**
 * The environment names another socket. A network may not: whoever wrote its configuration would have root connect, and create files, where
 * they like.
 */
function socketOf(world: World): string | undefined {
  const socket = world.env(SOCKET_VARIABLE) || DEFAULT_SOCKET;
  return socket === "off" ? undefined : socket;
}
