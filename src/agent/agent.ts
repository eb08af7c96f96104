/**
 * The agent as a process: its socket, its HTTP address, and its end.
 *
 * @module
 */
import { nodeLocalAdvice, nodeLocalStores } from "../config/node_local.ts";
import type { LoadDriver } from "../storage/open.ts";
import type { Logger } from "../world/log.ts";
import { InUseError, type Platform } from "../world/platform.ts";
import type { World } from "../world/world.ts";
import { Agent } from "./service.ts";

/** Milliseconds to finish what was taken when the agent is told to stop. */
const STOP_TIMEOUT = 20_000;
/** Milliseconds until what another process listens on is tried again. */
const IN_USE_AGAIN = 100;

/** What the agent is started with. */
export interface AgentOptions {
  /** Path of the socket. */
  readonly socket: string;
  /** `HOST:PORT` of health and metrics; undefined: none. */
  readonly httpAddress?: string;
  /** Milliseconds to wait for another agent to go. */
  readonly patience: number;
}

/**
 * Runs the agent until it is told to stop. Answers what it took, then returns.
 *
 * @throws an {@linkcode InUseError} where another agent is there for longer than the patience
 */
export async function runAgent(
  world: World,
  platform: Platform,
  loadDriver: LoadDriver,
  log: Logger,
  { socket, httpAddress, patience }: AgentOptions,
): Promise<void> {
  const agent = new Agent(world, loadDriver, log);
  const stop = platform.stopSignal();
  const until = world.monotonic() + patience;
  const onceFree = async <T>(start: () => T | Promise<T>): Promise<T> => {
    for (let tries = 1;; tries++) {
      try {
        return await start();
      } catch (error) {
        if (!(error instanceof InUseError) || world.monotonic() >= until || stop.aborted) throw error;
        if (tries === 1) log.info("Agent waits for another one to go", { reason: error.message });
        await world.sleep(IN_USE_AGAIN);
      }
    }
  };
  // In this order: the address is the last that an agent gives up, and who listens on the socket already must answer.
  await using _http = httpAddress
    ? await onceFree(() => platform.serveHttp(httpAddress, (path) => agent.http(path)))
    : undefined;
  const listener = await onceFree(() => platform.listen(socket));
  stop.addEventListener("abort", () => listener.close(), { once: true });
  log.info("Agent listens", { socket });
  for (const store of await nodeLocalStores(world)) log.warn(nodeLocalAdvice(store));
  for await (const connection of listener) void agent.serve(connection);
  await agent.finish(STOP_TIMEOUT);
  log.info("Agent stopped");
}
