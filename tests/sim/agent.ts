/**
 * A simulated node's agent: the product's agent, in a process that dies and restarts. Plugins of the node send it their calls, as they do over
 * the socket, and serve them directly if the agent is not running, dies, or does not answer in time.
 *
 * @module
 */
import { Agent } from "../../src/agent/service.ts";
import type { Connection } from "../../src/world/platform.ts";
import { SILENT } from "../../src/world/log.ts";
import type { World } from "../../src/world/world.ts";
import type { SimNode } from "./node.ts";
import type { Reach } from "./runtime.ts";
import type { Process, Scheduler } from "./scheduler.ts";

/** Share of nodes with an agent, and the chance per step that one dies or restarts. */
const SHARE = 0.6;
const DISTURBANCE = 0.02;

/** An agent, from its start to its death. */
class LiveAgent {
  readonly process: Process;
  readonly #agent: Agent;
  readonly #onDeath = new Set<(error: Error) => void>();
  readonly #callers = new Set<Process>();
  #releasing = 0;

  constructor(node: SimNode, reach: Reach) {
    this.process = {
      name: `agent on ${node.name}`,
      alive: true,
      mayRestore: () => this.#releasing > 0,
      reaches: () => !node.cut,
      unrecorded: () => [...this.#callers].reduce((sum, one) => sum + (one.unrecorded?.() ?? 0), 0),
    };
    this.process.onKill = () => {
      node.dropLocks(this.process);
      for (const reject of this.#onDeath) reject(new Error("it died"));
    };
    const world = reach.world(this.process, node.world(this.process));
    const exists: World["exists"] = (path) => path.endsWith(".db") ? Promise.resolve(true) : world.exists(path);
    this.#agent = new Agent({ ...world, exists }, reach.load(this.process), SILENT);
  }

  /** Serves a call until its caller disconnects. Settles with the answer, or when the agent dies. */
  async serve(text: string, process: Process, caller: AbortSignal): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.#onDeath.add(reject);
    const connection: Connection = {
      readLine: () => Promise.resolve(text),
      gone: caller,
      reply: (answer) => Promise.resolve(resolve(answer)),
      close: () => reject(new Error("it closed without an answer")),
    };
    const releases = /"CNI_COMMAND":"(DEL|GC)"/.test(text) ? 1 : 0;
    this.#releasing += releases;
    this.#callers.add(process);
    void this.#agent.serve(connection).then(() => {
      this.#releasing -= releases;
      this.#callers.delete(process);
    });
    try {
      return await promise;
    } finally {
      this.#onDeath.delete(reject);
    }
  }
}

/** The agents of all nodes. */
export class SimAgents {
  readonly #scheduler: Scheduler;
  readonly #reach: Reach;
  readonly #nodes: readonly SimNode[];
  readonly #live = new Map<SimNode, LiveAgent>();
  readonly #off = new Set<SimNode>();

  /** Chance chooses the nodes that have an agent. */
  constructor(scheduler: Scheduler, reach: Reach, nodes: readonly SimNode[], share = SHARE) {
    this.#scheduler = scheduler;
    this.#reach = reach;
    this.#nodes = nodes.filter(() => scheduler.chance(share));
    this.revive();
  }

  /** The `exchange` of a plugin's World: sends a call to the node's agent. */
  exchange(node: SimNode, process: Process): World["exchange"] {
    return async (_socket, text, milliseconds) => {
      const agent = this.#live.get(node);
      if (!agent?.process.alive) return undefined;
      const done = new AbortController();
      const gone = new AbortController();
      const leave = (why: string) => agent.process.alive && gone.abort(new Error(why)); // a dead agent must not react
      const die = process.onKill;
      process.onKill = () => {
        die?.();
        leave("the plugin died");
      };
      const timeout = this.#scheduler.sleep(process, milliseconds, done.signal).then(() => {
        throw new Error("it did not answer");
      });
      try {
        return await Promise.race([agent.serve(text, process, gone.signal), timeout]);
      } finally {
        timeout.catch(() => {});
        done.abort();
        leave("the plugin disconnected");
      }
    };
  }

  /** Whether a node has an agent. */
  serves(node: SimNode): boolean {
    return this.#nodes.includes(node);
  }

  /** By chance, one dies or restarts. */
  disturb(chance = DISTURBANCE): void {
    if (this.#nodes.length === 0 || !this.#scheduler.chance(chance)) return;
    const node = this.#scheduler.pick(this.#nodes);
    const agent = this.#live.get(node);
    if (agent?.process.alive) this.#scheduler.kill(agent.process);
    else if (!this.#off.has(node)) this.#start(node);
  }

  /** Kills the agent of a node whose machine goes off. */
  powerOff(node: SimNode): void {
    const agent = this.#live.get(node);
    this.#off.add(node);
    if (agent?.process.alive) this.#scheduler.kill(agent.process);
  }

  /** Starts all agents that are not running, or that of a node whose machine is on again. */
  revive(only?: SimNode): void {
    for (const node of this.#nodes) {
      if (only && node !== only) continue;
      this.#off.delete(node);
      if (!this.#live.get(node)?.process.alive) this.#start(node);
    }
  }

  /** Whether a release is pending. */
  get pending(): boolean {
    return this.#nodes.some(({ files }) => [...files.keys()].some((path) => path.includes("/releasing/")));
  }

  /** Kills all agents. */
  end(): void {
    for (const { process } of this.#live.values()) if (process.alive) this.#scheduler.kill(process);
  }

  #start(node: SimNode): void {
    this.#scheduler.note(`agent on ${node.name} starts`);
    this.#live.set(node, new LiveAgent(node, this.#reach));
  }
}
