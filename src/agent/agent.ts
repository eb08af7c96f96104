/**
 * The node's agent: the plugin's own code on warm stores, behind a socket.
 *
 * @module
 */
import { nodeJournal } from "../cni/call.ts";
import { CniError, CODES } from "../cni/error.ts";
import { renderError } from "../cni/failure.ts";
import { type PluginAnswer, runPlugin } from "../cni/plugin.ts";
import type { Host } from "../cni/call.ts";
import type { LoadDriver } from "../storage/open.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import { AgentMetrics } from "./metrics.ts";
import type { Connection, Platform } from "../world/platform.ts";
import { type AgentAnswer, type AgentRequest, PROTOCOL } from "./protocol.ts";
import { Replayer } from "./replayer.ts";
import { Stores } from "./stores.ts";
import { Traffic } from "./traffic.ts";
import { localTurns } from "./turns.ts";

/** Bytes of a request, at most: the plugin's limit of standard input, escaped. */
const REQUEST_LIMIT = 16 * 1024 * 1024;
/** Milliseconds a caller may take to send its request. */
const READ_TIMEOUT = 5_000;
/** Calls under way, at most; beyond, callers are told to try again. */
const MOST_IN_FLIGHT = 2_000;
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

/** Serves calls; knows nothing of sockets. */
export class Agent {
  readonly #world: World;
  readonly #stores: Stores;
  readonly #log: Logger;
  readonly #traffic = new Traffic();
  readonly #metrics: AgentMetrics;
  readonly #replayer: Replayer;
  readonly #running = new Set<Promise<void>>();
  #ready = true;

  /** Opens no store yet. */
  constructor(world: World, loadDriver: LoadDriver, log: Logger) {
    this.#world = { ...world, lock: localTurns(world.lock) };
    this.#metrics = new AgentMetrics(() => this.#running.size, () => this.#replayer.left);
    const observer = {
      onBatch: (requests: number, milliseconds: number) => {
        this.#metrics.batches.observe(requests);
        this.#metrics.commits.observe(milliseconds / 1000);
      },
    };
    this.#log = log;
    this.#stores = new Stores(world, log, loadDriver, observer, this.#traffic);
    const host = this.#host(() => {});
    this.#replayer = new Replayer(this.#world, host, log, (count) => this.#metrics.replays.add({}, count));
  }

  /** Serves one caller. Never throws. */
  serve(connection: Connection): Promise<void> {
    const work = this.#serve(connection).finally(() => this.#running.delete(work));
    this.#running.add(work);
    return work;
  }

  /** Serves one call. */
  async call({ env, stdin }: AgentRequest): Promise<PluginAnswer> {
    const start = this.#world.now();
    const verb = env.CNI_COMMAND ?? "";
    const passage = verb === "ADD" || verb === "DEL" ? this.#traffic.begin() : undefined;
    const host = this.#host(() => passage?.arrived());
    const answer = await runPlugin(this.#worldOf(env, stdin), host).finally(() => passage?.end());
    this.#metrics.requests.add({ verb, outcome: answer.exitCode === 0 ? "success" : "error" });
    this.#metrics.durations.observe((this.#world.now() - start) / 1000, { verb });
    if (answer.exitCode === 0 && verb === "DEL") this.#replayer.wake();
    return answer;
  }

  /** Health, readiness, metrics. */
  http(path: string): { readonly status: number; readonly body: string } {
    switch (path) {
      case "/healthz":
        return { status: 200, body: "ok\n" };
      case "/readyz":
        return this.#ready ? { status: 200, body: "ok\n" } : { status: 503, body: "stopping\n" };
      case "/metrics":
        return { status: 200, body: this.#metrics.text() };
      default:
        return { status: 404, body: "Not found: /healthz, /readyz and /metrics are served\n" };
    }
  }

  /** Waits for what is under way, so long at the most, and closes the stores. */
  async finish(milliseconds: number): Promise<void> {
    this.#ready = false;
    const done = new AbortController();
    const late = this.#world.sleep(milliseconds, done.signal).catch(() => {});
    await Promise.race([Promise.all(this.#running), late]);
    done.abort();
    await this.#replayer[Symbol.asyncDispose]();
    await this.#stores[Symbol.asyncDispose]();
  }

  async #serve(connection: Connection): Promise<void> {
    try {
      const request: AgentRequest = JSON.parse(await connection.readAll(REQUEST_LIMIT, READ_TIMEOUT));
      if (request.protocol !== PROTOCOL || typeof request.stdin !== "string" || typeof request.env !== "object") {
        connection.close();
        return;
      }
      const answer = this.#running.size > MOST_IN_FLIGHT ? busy() : await this.call(request);
      await connection.reply(JSON.stringify({ protocol: PROTOCOL, ...answer } satisfies AgentAnswer));
    } catch {
      connection.close(); // half a request, or none: the caller serves itself
    }
  }

  #host(arrived: () => void): Host {
    return {
      open: (config, _world, callLog) => this.#stores.ipam(config.datastore, callLog, arrived),
      journal: (callWorld) => nodeJournal(callWorld, this.#log),
      delivers: true,
    };
  }

  #worldOf(env: Readonly<Record<string, string>>, stdin: string): World {
    const own = (name: string) => name.startsWith("CNI_") ? env[name] : this.#world.env(name);
    return {
      ...this.#world,
      env: own,
      stderr: () => {},
      stdin: (limit) => {
        const bytes = new TextEncoder().encode(stdin);
        if (bytes.length <= limit) return Promise.resolve(bytes);
        return Promise.reject(new RangeError(`Standard input is longer than ${limit} bytes`));
      },
    };
  }
}

function busy(): PluginAnswer {
  const error = new CniError(CODES.tryAgain, `The agent has ${MOST_IN_FLIGHT} calls under way: try again later`);
  return { stdout: renderError(error), exitCode: 1 };
}
