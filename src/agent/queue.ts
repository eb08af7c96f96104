/**
 * The calls of a node without an agent. One of them is served directly; the next one stands in for the agent: it waits for the one before,
 * and then serves all who have come meanwhile with itself, over one connection and in one commit. Connecting is what costs a process
 * most, so a burst of calls that each connect takes several times as long.
 *
 * @module
 */
import type { PluginAnswer } from "../cni/plugin.ts";
import type { World } from "../world/world.ts";
import { type AgentCall, agentCall, askAgent } from "./client.ts";

/** Verbs that come in bursts. */
const QUEUED = /^(ADD|DEL)$/;
/** What only configurations of the embedded store say, which nobody connects to. */
const EMBEDDED = /"database"|"datastore"\s*:\s*"embedded"/;

/** How a process serves calls that no agent serves. */
export interface Servers {
  /** Its own call alone. */
  readonly direct: () => Promise<PluginAnswer>;
  /** Its own and others, in place of an agent. Undefined, or a failure: it cannot. */
  readonly standIn: (call: AgentCall) => Promise<PluginAnswer | undefined>;
}

/** The name of the lock that whoever serves the calls of a queue holds. */
export function turnName({ socket }: AgentCall): string {
  return `calls:${socket}`;
}

/**
 * Serves the call of this process: by the agent, by another call that stands in for it, or here.
 *
 * @param stdin standard input, as read; undefined: it cannot be read
 */
export async function serveCall(
  world: World,
  stdin: Uint8Array | undefined,
  { direct, standIn }: Servers,
): Promise<PluginAnswer> {
  const call = stdin && agentCall(world, stdin);
  if (!call) return await direct();
  const { socket, request } = call;
  const answer = await askAgent(world, call);
  if (answer) return answer;
  if (!QUEUED.test(request.env.CNI_COMMAND ?? "") || EMBEDDED.test(request.stdin)) return await direct();
  const queued = { socket: `${socket}.queue`, request };
  const others = await askAgent(world, queued);
  if (others) return others;
  using turn = world.tryLock(turnName(queued));
  return turn ? await direct() : await standIn(queued).catch(() => undefined) ?? await direct();
}
