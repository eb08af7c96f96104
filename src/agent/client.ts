/**
 * The plugin's side of the agent: hand the call over, print the answer. It stands alone, because it is all that most calls load.
 *
 * @module
 */
import type { PluginAnswer } from "../cni/plugin.ts";
import type { World } from "../world/world.ts";
import {
  AGENT_SHARE,
  type AgentAnswer,
  type AgentRequest,
  DEFAULT_SOCKET,
  FORWARDED,
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
  const socket = text === undefined ? undefined : socketOf(world, text);
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

function decode(stdin: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(stdin);
  } catch {
    return undefined;
  }
}

/** The environment says which socket, else the configuration's `agent_socket`, else it is the usual one. */
function socketOf(world: World, conf: string): string | undefined {
  const socket = world.env(SOCKET_VARIABLE) || configured(conf) || DEFAULT_SOCKET;
  return socket === "off" ? undefined : socket;
}

/** Most configurations do not name it, so most are not parsed here. */
function configured(conf: string): string | undefined {
  if (!conf.includes('"agent_socket"')) return undefined;
  try {
    const { ipam } = JSON.parse(conf);
    return typeof ipam?.agent_socket === "string" ? ipam.agent_socket : undefined;
  } catch {
    return undefined;
  }
}
