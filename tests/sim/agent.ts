/**
 * A simulated node's agent: the real one, in a process that dies and comes back. Plugins of the node hand their calls over to it as they do
 * over the socket, and serve themselves where it is gone, dies, or is silent for too long.
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

/** Share of nodes with an agent, and the chance of each step that one dies or comes back. */
const SHARE = 0.6;
const DISTURBANCE = 0.02;

/** One agent while it lives. */
class LiveAgent {
  readonly process: Process;
  readonly #agent: Agent;
  readonly #gone = new Set<(error: Error) => void>();
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
      for (const tell of this.#gone) tell(new Error("it died"));
    };
    const world = reach.world(this.process, node.world(this.process));
    const exists: World["exists"] = (path) => path.endsWith(".db") ? Promise.resolve(true) : world.exists(path);
    this.#agent = new Agent({ ...world, exists }, reach.load(this.process), SILENT);
  }

  /** Serves a caller until that goes away. Settles when it is answered, or when this dies. */
  async serve(text: string, process: Process, caller: AbortSignal): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.#gone.add(reject);
    const connection: Connection = {
      readLine: () => Promise.resolve(text),
      gone: caller,
      reply: (answer) => Promise.resolve(resolve(answer)),
      close: () => reject(new Error("it closed without an answer")),
    };
    const releases = text.includes('"CNI_COMMAND":"DEL"') ? 1 : 0;
    this.#releasing += releases;
    this.#callers.add(process);
    void this.#agent.serve(connection).then(() => {
      this.#releasing -= releases;
      this.#callers.delete(process);
    });
    try {
      return await promise;
    } finally {
      this.#gone.delete(reject);
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

  /** Chance says which nodes have one. */
  constructor(scheduler: Scheduler, reach: Reach, nodes: readonly SimNode[], share = SHARE) {
    this.#scheduler = scheduler;
    this.#reach = reach;
    this.#nodes = nodes.filter(() => scheduler.chance(share));
    this.revive();
  }

  /** What a plugin of the node gets for what it sends to the socket. */
  exchange(node: SimNode, process: Process): World["exchange"] {
    return async (_socket, text, milliseconds) => {
      const agent = this.#live.get(node);
      if (!agent?.process.alive) return undefined;
      const done = new AbortController();
      const gone = new AbortController();
      const leave = (why: string) => agent.process.alive && gone.abort(new Error(why)); // the dead learn nothing
      const die = process.onKill;
      process.onKill = () => {
        die?.();
        leave("the plugin died");
      };
      const late = this.#scheduler.sleep(process, milliseconds, done.signal).then(() => {
        throw new Error("it gave no answer");
      });
      try {
        return await Promise.race([agent.serve(text, process, gone.signal), late]);
      } finally {
        late.catch(() => {});
        done.abort();
        leave("the plugin turned elsewhere");
      }
    };
  }

  /** Whether the plugins of a node hand over. */
  serves(node: SimNode): boolean {
    return this.#nodes.includes(node);
  }

  /** Now and then one dies, or comes back. */
  disturb(chance = DISTURBANCE): void {
    if (this.#nodes.length === 0 || !this.#scheduler.chance(chance)) return;
    const node = this.#scheduler.pick(this.#nodes);
    const agent = this.#live.get(node);
    if (agent?.process.alive) this.#scheduler.kill(agent.process);
    else if (!this.#off.has(node)) this.#start(node);
  }

  /** The machine of a node goes off. */
  powerOff(node: SimNode): void {
    const agent = this.#live.get(node);
    this.#off.add(node);
    if (agent?.process.alive) this.#scheduler.kill(agent.process);
  }

  /** All of them live, or that of a node whose machine is on again. */
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

  /** The simulation is over. */
  end(): void {
    for (const { process } of this.#live.values()) if (process.alive) this.#scheduler.kill(process);
  }

  #start(node: SimNode): void {
    this.#scheduler.note(`agent on ${node.name} starts`);
    this.#live.set(node, new LiveAgent(node, this.#reach));
  }
}
