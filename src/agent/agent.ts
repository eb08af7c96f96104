/**
 * The agent as a process: its socket, its HTTP address, and its end. The socket is what it is for; HTTP is served where it can be.
 *
 * @module
 */
import { nodeLocalAdvice, nodeLocalStores } from "../config/node_local.ts";
import type { LoadDriver } from "../storage/open.ts";
import type { Logger } from "../world/log.ts";
import { aborted } from "../async/abort.ts";
import { InUseError, type Listener, type Platform } from "../world/platform.ts";
import type { World } from "../world/world.ts";
import { Agent } from "./service.ts";

/** Milliseconds to finish what was taken when the agent is told to stop. */
const STOP_TIMEOUT = 20_000;
/** Milliseconds until a socket that another process listens on is tried again. */
const IN_USE_AGAIN = 100;
/** Milliseconds until HTTP that could not be served is tried again. */
const HTTP_AGAIN = 5_000;

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
  const listen = async (): Promise<Listener> => {
    for (let tries = 1;; tries++) {
      try {
        return await platform.listen(socket);
      } catch (error) {
        if (!(error instanceof InUseError) || world.monotonic() >= until || stop.aborted) throw error;
        if (tries === 1) log.info("Agent waits for another one to go", { reason: error.message });
        await world.sleep(IN_USE_AGAIN);
      }
    }
  };
  const ended = new AbortController();
  const listener = await listen();
  stop.addEventListener("abort", () => listener.close(), { once: true });
  log.info("Agent listens", { socket });
  const http = httpAddress && keepHttp(world, platform, log, { address: httpAddress, agent, signal: ended.signal });
  for (const store of await nodeLocalStores(world)) log.warn(nodeLocalAdvice(store));
  for await (const connection of listener) void agent.serve(connection);
  await agent.finish(STOP_TIMEOUT);
  ended.abort();
  await http;
  log.info("Agent stopped");
}

/** Serves HTTP until the signal aborts, from when the address is free: health and metrics are no condition of serving pods. */
async function keepHttp(
  world: World,
  platform: Platform,
  log: Logger,
  { address, agent, signal }: { readonly address: string; readonly agent: Agent; readonly signal: AbortSignal },
): Promise<void> {
  for (let tries = 1; !signal.aborted; tries++) {
    try {
      await using _http = platform.serveHttp(address, (path) => agent.http(path));
      if (tries > 1) log.info("HTTP is served", { address });
      await aborted(signal);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (tries === 1) log.error("HTTP is not served; retrying", { address, reason, seconds: HTTP_AGAIN / 1_000 });
      await world.sleep(HTTP_AGAIN, signal).catch(() => {});
    }
  }
}
