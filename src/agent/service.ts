/**
 * The node's agent: runs the plugin's code on stores that stay open.
 *
 * @module
 */
import { type Answer, makeCall } from "../call/call.ts";
import { CniError, CODES } from "../cni/error.ts";
import { type Host, nodeJournal } from "../cni/host.ts";
import { failed, runPlugin } from "../cni/plugin.ts";
import { answerHttp } from "../metrics/endpoints.ts";
import type { LoadDriver } from "../storage/open.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import type { Connection, ProcessStats } from "../world/platform.ts";
import { AgentMetrics } from "./metrics.ts";
import type { OperationOutcome } from "./measured.ts";
import { AGENT_TIMEOUT, type AgentAnswer, type AgentRequest, type LogLines, PROTOCOL } from "./protocol.ts";
import { PendingReleases } from "./pending_releases.ts";
import { Restorer } from "./restorer.ts";
import { BusyError, Stores } from "./stores.ts";
import { localLocks } from "./local_locks.ts";

/** Max bytes of a request: the plugin's limit of standard input, escaped as JSON. */
const REQUEST_LIMIT = 16 * 1024 * 1024;
/**
 * Milliseconds until a caller's request must be read. A plugin sends it immediately, and only root may connect; but if a thousand callers
 * connect to a busy node at the same time, the last requests are read after many calls are served.
 */
const READ_TIMEOUT = 15_000;
/** Milliseconds that a caller may take to read its answer: the plugin reads immediately, unless the node is out of CPU or memory. */
const REPLY_TIMEOUT = 5_000;
/** Max concurrent callers: more than the limit of all stores together. Further callers get CNI code 11, try again later. */
const MAX_IN_FLIGHT = 5_000;
/** Milliseconds to serve a call. After that the agent ends it, because the plugin is about to serve the call itself. */
const CALL_TIMEOUT = AGENT_TIMEOUT - 5_000;

/** Verbs that metrics count by name. */
const VERBS: ReadonlySet<string> = new Set(["ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION"]);

/** Serves calls, over any kind of connection. */
export class Agent {
  readonly #world: World;
  readonly #lock: Host["lock"];
  readonly #stores: Stores;
  readonly #log: Logger;
  readonly #metrics: AgentMetrics;
  readonly #pending: PendingReleases;
  readonly #restorer: Restorer;
  readonly #running = new Set<Promise<void>>();
  #ready = true;
  #unavailable = false;

  /** Opens no store yet. */
  constructor(world: World, loadDriver: LoadDriver, log: Logger) {
    this.#world = world;
    this.#lock = localLocks(world.lock);
    const metrics = new AgentMetrics({
      inFlight: () => this.#running.size,
      queued: () => this.#stores.waiting,
      pending: () => this.#pending.count,
      duplicates: () => this.#restorer.duplicates,
    });
    this.#metrics = metrics;
    this.#log = log;
    this.#stores = new Stores({
      world,
      log,
      loadDriver,
      batches: { onBatch: (requests, milliseconds) => metrics.committed(requests, milliseconds) },
      operations: (operation, outcome, milliseconds) => {
        metrics.operated(operation, outcome, milliseconds);
        this.#follow(outcome);
      },
      onSlice: (event) => metrics.sliced(event),
    });
    this.#pending = new PendingReleases(this.#host(), log, {
      onCompleted: (count) => metrics.completed(count),
      onGivenUp: (count) => metrics.gaveUp(count),
    });
    this.#restorer = new Restorer(this.#host(), log, { onRestored: (count) => metrics.restored(count) });
  }

  /** Serves one caller. Never throws. */
  serve(connection: Connection): Promise<void> {
    const work = this.#serve(connection).finally(() => this.#running.delete(work));
    this.#running.add(work);
    return work;
  }

  /**
   * Serves one call. Its log lines go to the agent's log, and to the plugin, which can write the log files of the node.
   *
   * @param gone aborts when the caller disconnects. The runtime abandons the sandbox of a dead plugin and creates another for the pod, whose
   *   addresses a delayed ADD would take over
   * @returns undefined if this process cannot serve the call: the plugin has to
   */
  async call({ env, stdin }: AgentRequest, gone?: AbortSignal): Promise<ServedCall | undefined> {
    const start = this.#world.monotonic();
    const logs: LogLines[] = [];
    const { CNI_COMMAND: verb = "" } = env;
    let unusable: unknown;
    let network = "";
    const host: Host = {
      ...this.#host((error) => unusable = error),
      appendLog: (file, text, confinedTo) => void logs.push({ file, text, ...(confinedTo && { confinedTo }) }),
      ...(gone && { gone }),
      read: (request) => network = request.network,
    };
    const answer = await runPlugin(makeCall(env, stdin), host);
    const outcome = unusable ? "declined" : answer.exitCode === 0 ? "success" : "error";
    this.#metrics.served(VERBS.has(verb) ? verb : "other", outcome, this.#world.monotonic() - start, network);
    if (unusable) {
      this.#log.info(
        "Declined a call: the agent cannot use its configuration or open its store; the plugin serves it",
        {
          verb,
          containerId: env.CNI_CONTAINERID,
          error: String(unusable),
        },
      );
      return undefined;
    }
    if (answer.exitCode === 0 && verb === "DEL") this.#pending.wake();
    return logs.length > 0 ? { ...answer, logs: joined(logs) } : answer;
  }

  /** Answers requests for health, readiness and metrics. */
  http(path: string, stats?: () => ProcessStats): { readonly status: number; readonly body: string } {
    return answerHttp(path, {
      notReady: () => this.#ready ? undefined : "stopping",
      metrics: () => this.#metrics.text(),
      ...(stats && { stats }),
    });
  }

  /** Waits up to so many milliseconds for calls in progress, then closes the stores. */
  async finish(milliseconds: number): Promise<void> {
    this.#ready = false;
    const done = new AbortController();
    const timeout = this.#world.sleep(milliseconds, done.signal).catch(() => {});
    await Promise.race([Promise.all(this.#running), timeout]);
    done.abort();
    await this.#pending[Symbol.asyncDispose]();
    await this.#restorer[Symbol.asyncDispose]();
    await this.#stores[Symbol.asyncDispose]();
  }

  /** A store that answers again after an outage may have been restored to an older copy. */
  #follow(outcome: OperationOutcome): void {
    if (this.#unavailable && outcome === "success") this.#restorer.wake();
    if (outcome === "success" || outcome === "unavailable") this.#unavailable = outcome === "unavailable";
  }

  async #serve(connection: Connection): Promise<void> {
    try {
      const request = readAgentRequest(await connection.readLine(REQUEST_LIMIT, READ_TIMEOUT));
      const answer = request && await this.#answer(request, connection.gone);
      if (!answer) return connection.close();
      const reply: AgentAnswer = { protocol: PROTOCOL, ...answer };
      await connection.reply(`${JSON.stringify(reply)}\n`, REPLY_TIMEOUT);
    } catch {
      connection.close(); // the request is incomplete or invalid: the plugin serves the call
    }
  }

  /** @returns undefined if the plugin has to serve the call */
  async #answer(request: AgentRequest, gone: AbortSignal): Promise<ServedCall | undefined> {
    if (this.#running.size > MAX_IN_FLIGHT) return busy();
    return gone.aborted ? undefined : await this.call(request, gone);
  }

  /** @param unusable called if this process cannot use the configuration of the call, or cannot open its store */
  #host(unusable: (error: unknown) => void = () => {}): Host {
    return {
      world: this.#world,
      open: ({ datastore }, log, signal) =>
        this.#stores.ipam(datastore, { log, signal }).catch((error) => {
          if (!signal.aborted && !(error instanceof BusyError)) unusable(error);
          throw error;
        }),
      journal: () => nodeJournal(this.#world, this.#log),
      lock: this.#lock,
      appendLog: this.#world.appendTextFile,
      unusable,
      entryLost: () => this.#restorer.wake(),
      timeout: CALL_TIMEOUT,
      retriesPending: true,
    };
  }
}

/** @returns undefined for a request of another protocol */
function readAgentRequest(text: string): AgentRequest | undefined {
  const { protocol, env, stdin }: Partial<AgentRequest> = JSON.parse(text);
  if (protocol !== PROTOCOL || typeof stdin !== "string" || typeof env !== "object") return undefined;
  const variables = Object.entries(env).filter(([, value]) => typeof value === "string");
  return { protocol, env: Object.fromEntries(variables), stdin };
}

/** The answer to a call, and its log lines. */
type ServedCall = Answer & Pick<AgentAnswer, "logs">;

/** Merges the lines of each file. */
function joined(logs: readonly LogLines[]): LogLines[] {
  return [...Map.groupBy(logs, ({ file }) => file).values()].map((same) => ({
    ...same[0] as LogLines,
    text: same.map(({ text }) => text).join(""),
  }));
}

function busy(): Answer {
  return failed(new CniError(CODES.tryAgain, `The agent has ${MAX_IN_FLIGHT} calls in progress; try again later`));
}
