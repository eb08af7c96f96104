/**
 * A call that stands in for the agent where none runs: {@linkcode serveCall} tells when.
 *
 * @module
 */
import type { PluginAnswer } from "../cni/plugin.ts";
import type { LoadDriver } from "../storage/open.ts";
import { startDeadline } from "../world/deadline.ts";
import { SILENT } from "../world/log.ts";
import type { Listener, Platform } from "../world/platform.ts";
import type { Lock, World } from "../world/world.ts";
import { type AgentCall, askAgent } from "./client.ts";
import { turnName } from "./queue.ts";
import { Agent } from "./service.ts";

/**
 * Milliseconds to wait for the call before, at most. One that takes longer works on a store that does not answer, and there may be others:
 * what keeps addresses apart is the commit, so nobody has to wait.
 */
const TURN_TIMEOUT = 1_000;
/** Milliseconds for the others once the own call is answered. Who is not answered by then serves itself. */
const GRACE = 2_000;

/**
 * Serves the call, and with it those that come until it is its turn.
 *
 * @returns undefined where it cannot: it may not listen, or its configuration cannot be used
 */
export async function standIn(
  world: World,
  platform: Pick<Platform, "listen">,
  loadDriver: LoadDriver,
  call: AgentCall,
): Promise<PluginAnswer | undefined> {
  let listener: Listener;
  try {
    listener = await platform.listen(call.socket);
  } catch {
    return await askAgent(world, call); // somebody else stands in since a moment ago
  }
  const agent = new Agent(world, loadDriver, SILENT, { stays: false });
  const turn = Promise.withResolvers<void>();
  void (async () => {
    for await (const connection of listener) void turn.promise.then(() => agent.serve(connection));
  })();
  try {
    using _turn = await turnOf(world, call);
    listener.retire();
    const own = agent.call(call.request, { patience: Number.POSITIVE_INFINITY });
    turn.resolve(); // after the own call: the order of arrival
    return await own;
  } finally {
    await agent.finish(GRACE);
    listener.close();
  }
}

async function turnOf(world: World, call: AgentCall): Promise<Lock | undefined> {
  using limit = startDeadline(world, TURN_TIMEOUT, new Error("The call before takes long"));
  return await world.lock(turnName(call), limit.signal).catch(() => undefined);
}
