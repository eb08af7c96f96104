/**
 * The agent as a process: its socket, its HTTP address, and its end.
 *
 * @module
 */
import type { LoadDriver } from "../storage/open.ts";
import type { Logger } from "../world/log.ts";
import type { Platform } from "../world/platform.ts";
import type { World } from "../world/world.ts";
import { Agent } from "./service.ts";

/** Milliseconds to finish what was taken when the agent is told to stop. */
const STOP_TIMEOUT = 20_000;

/** What the agent is started with. */
export interface AgentOptions {
  /** Path of the socket. */
  readonly socket: string;
  /** `HOST:PORT` of health and metrics; undefined: none. */
  readonly httpAddress?: string;
}

/** Runs the agent until it is told to stop. Answers what it took, then returns. */
export async function runAgent(
  world: World,
  platform: Platform,
  loadDriver: LoadDriver,
  log: Logger,
  options: AgentOptions,
): Promise<void> {
  const agent = new Agent(world, loadDriver, log);
  const listener = await platform.listen(options.socket);
  await using _http = options.httpAddress
    ? platform.serveHttp(options.httpAddress, (path) => agent.http(path))
    : undefined;
  const stop = platform.stopSignal();
  stop.addEventListener("abort", () => listener.close(), { once: true });
  log.info("Agent listens", { socket: options.socket });
  for await (const connection of listener) void agent.serve(connection);
  await agent.finish(STOP_TIMEOUT);
  log.info("Agent stopped");
}
