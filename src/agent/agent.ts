/**
 * The agent as a process: listens on its socket, serves health and metrics over HTTP, and stops on a signal. It serves calls even if it
 * cannot serve HTTP.
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
import { messageOf } from "../values/errors.ts";

/** Milliseconds to finish accepted calls after the stop signal: the kubelet ends the pod of the DaemonSet after 30 seconds. */
const STOP_TIMEOUT = 20_000;
/** Milliseconds between attempts to listen on a socket that another process uses: meanwhile, plugins serve calls directly. */
const LISTEN_INTERVAL = 100;
/** Milliseconds between attempts to serve HTTP: short compared to the interval in which metrics are read. */
const HTTP_INTERVAL = 5_000;

/** Options of the agent. */
interface AgentOptions {
  /** Path of the socket. */
  readonly socket: string;
  /** `HOST:PORT` of health and metrics. Absent: HTTP is not served. */
  readonly httpAddress?: string;
  /** Milliseconds to wait for another agent to end. */
  readonly timeout: number;
}

/**
 * Runs the agent until the stop signal. Answers the accepted calls, then returns.
 *
 * @throws {InUseError} another agent still listens on the socket after the timeout
 */
export async function runAgent(
  world: World,
  platform: Platform,
  loadDriver: LoadDriver,
  log: Logger,
  { socket, httpAddress, timeout }: AgentOptions,
): Promise<void> {
  const agent = new Agent(world, loadDriver, log);
  const stop = platform.stopSignal();
  const until = world.monotonic() + timeout;
  const listen = async (): Promise<Listener> => {
    for (let tries = 1;; tries++) {
      try {
        return await platform.listen(socket);
      } catch (error) {
        if (!(error instanceof InUseError) || world.monotonic() >= until || stop.aborted) throw error;
        if (tries === 1) log.info("Waiting for another agent to stop", { reason: error.message });
        await world.sleep(LISTEN_INTERVAL);
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

/** Serves HTTP until the signal aborts. Retries on failure: the agent serves pods even without health and metrics. */
async function keepHttp(
  world: World,
  platform: Platform,
  log: Logger,
  { address, agent, signal }: { readonly address: string; readonly agent: Agent; readonly signal: AbortSignal },
): Promise<void> {
  for (let tries = 1; !signal.aborted; tries++) {
    try {
      await using _http = platform.serveHttp(address, (path) => agent.http(path, platform.processStats));
      if (tries > 1) log.info("Serving HTTP", { address });
      await aborted(signal);
    } catch (error) {
      const reason = messageOf(error);
      if (tries === 1) log.error("Cannot serve HTTP; retrying", { address, reason, seconds: HTTP_INTERVAL / 1_000 });
      await world.sleep(HTTP_INTERVAL, signal).catch(() => {});
    }
  }
}
