/**
 * The node's agent: the plugin's own code on warm stores, behind a socket.
 *
 * @module
 */
import { type Answer, makeCall } from "../call/call.ts";
import { CniError, CODES } from "../cni/error.ts";
import { type Host, nodeJournal } from "../cni/host.ts";
import { failed, runPlugin } from "../cni/plugin.ts";
import type { LoadDriver } from "../storage/open.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import type { Connection } from "../world/platform.ts";
import { AgentMetrics } from "./metrics.ts";
import type { OperationOutcome } from "./measured.ts";
import { AGENT_SHARE, type AgentAnswer, type AgentRequest, type LogLines, PROTOCOL } from "./protocol.ts";
import { PendingReleases } from "./pending_releases.ts";
import { Restorer } from "./restorer.ts";
import { BusyError, Stores } from "./stores.ts";
import { localTurns } from "./turns.ts";

/** Bytes of a request, at most: the plugin's limit of standard input, escaped. */
const REQUEST_LIMIT = 16 * 1024 * 1024;
/**
 * Milliseconds until a caller's request is read: of a thousand that come at once to a busy node, the last ones are read when many are served.
 * A plugin sends its request at once, and only root may connect.
 */
const READ_TIMEOUT = 15_000;
/** Milliseconds a caller may take to read its answer. */
const REPLY_TIMEOUT = 5_000;
/** Callers at once, at most: more than all stores together may have. Beyond, callers are told to try again. */
const MOST_IN_FLIGHT = 5_000;
/** Milliseconds from a call's arrival in which it is served. Then its caller is about to turn elsewhere: nothing is done for it any more. */
const CALL_TIMEOUT = AGENT_SHARE - 5_000;

/** Verbs that are counted by their names. */
const VERBS: ReadonlySet<string> = new Set(["ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION"]);

/** How a host opens stores. */
interface Opening {
  /** Whether the call is about to put a request to a pool. Default: it is not. */
  readonly commits?: boolean;
  /** This process cannot use the configuration of the call, or not open its store. */
  readonly unusable?: (error: unknown) => void;
}

/** Serves calls; knows nothing of sockets. */
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
  #away = false;

  /** Opens no store yet. */
  constructor(world: World, loadDriver: LoadDriver, log: Logger) {
    this.#world = world;
    this.#lock = localTurns(world.lock);
    const metrics = new AgentMetrics({
      inFlight: () => this.#running.size,
      queued: () => this.#stores.waiting,
      pending: () => this.#pending.left,
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
    });
    this.#pending = new PendingReleases(this.#host(), log, {
      onDelivered: (count) => metrics.delivered(count),
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
   * Serves one call. Its log lines appear in the agent's own log, and go to the plugin, which sees the log files of the node.
   *
   * @param gone aborts when its caller goes away. A dead plugin's sandbox is about to be given up, and its pod to get another, whose
   *   addresses a late ADD would take over
   * @returns undefined: this process cannot, so the plugin has to
   */
  async call({ env, stdin }: AgentRequest, gone?: AbortSignal): Promise<ServedCall | undefined> {
    const start = this.#world.monotonic();
    const logs: LogLines[] = [];
    const { CNI_COMMAND: verb = "" } = env;
    let unusable: unknown;
    const commits = verb === "ADD" || verb === "DEL";
    const host: Host = {
      ...this.#host({ commits, unusable: (error) => unusable = error }),
      appendLog: (file, text, confinedTo) => void logs.push({ file, text, ...(confinedTo && { confinedTo }) }),
      ...(gone && { gone }),
    };
    const answer = await runPlugin(makeCall(env, stdin), host);
    const outcome = unusable ? "declined" : answer.exitCode === 0 ? "success" : "error";
    this.#metrics.served(VERBS.has(verb) ? verb : "other", outcome, this.#world.monotonic() - start);
    if (unusable) {
      this.#log.info("A call is left to the plugin: what it names cannot be used here", {
        verb,
        containerId: env.CNI_CONTAINERID,
        error: String(unusable),
      });
      return undefined;
    }
    if (answer.exitCode === 0 && verb === "DEL") this.#pending.wake();
    return logs.length > 0 ? { ...answer, logs: joined(logs) } : answer;
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
    await this.#pending[Symbol.asyncDispose]();
    await this.#restorer[Symbol.asyncDispose]();
    await this.#stores[Symbol.asyncDispose]();
  }

  /** A store that was away may have been set back to an older copy. */
  #follow(outcome: OperationOutcome): void {
    if (this.#away && outcome === "success") this.#restorer.wake();
    if (outcome === "success" || outcome === "unavailable") this.#away = outcome === "unavailable";
  }

  async #serve(connection: Connection): Promise<void> {
    try {
      const request = readAgentRequest(await connection.readLine(REQUEST_LIMIT, READ_TIMEOUT));
      const answer = request && await this.#answer(request, connection.gone);
      if (!answer) return connection.close();
      const reply: AgentAnswer = { protocol: PROTOCOL, ...answer };
      await connection.reply(`${JSON.stringify(reply)}\n`, REPLY_TIMEOUT);
    } catch {
      connection.close(); // half a request, or none: the caller serves itself
    }
  }

  /** @returns undefined where the plugin has to serve the call */
  async #answer(request: AgentRequest, gone: AbortSignal): Promise<ServedCall | undefined> {
    if (this.#running.size > MOST_IN_FLIGHT) return busy();
    return gone.aborted ? undefined : await this.call(request, gone);
  }

  #host({ commits = false, unusable = () => {} }: Opening = {}): Host {
    return {
      world: this.#world,
      open: ({ datastore }, log, signal) =>
        this.#stores.ipam(datastore, { log, signal, commits }).catch((error) => {
          if (!signal.aborted && !(error instanceof BusyError)) unusable(error);
          throw error;
        }),
      journal: () => nodeJournal(this.#world, this.#log),
      lock: this.#lock,
      appendLog: this.#world.appendTextFile,
      unusable,
      entryLost: () => this.#restorer.wake(),
      timeout: CALL_TIMEOUT,
      delivers: true,
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

/** What a call came to, and what it logs. */
type ServedCall = Answer & Pick<AgentAnswer, "logs">;

/** One entry a file. */
function joined(logs: readonly LogLines[]): LogLines[] {
  return [...Map.groupBy(logs, ({ file }) => file).values()].map((same) => ({
    ...same[0] as LogLines,
    text: same.map(({ text }) => text).join(""),
  }));
}

function busy(): Answer {
  return failed(new CniError(CODES.tryAgain, `The agent has ${MOST_IN_FLIGHT} calls under way: try again later`));
}
