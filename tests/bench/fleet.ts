/**
 * The agents of many nodes in one program: each has a name, a journal and connections of its own, and runs the product's code. Nothing but the
 * process is shared.
 *
 * @module
 */
import { loadDriver } from "../../drivers/mod.ts";
import { Agent } from "../../src/agent/service.ts";
import { FLAT_FILES } from "../../src/config/files.ts";
import { denoWorld } from "../../src/world/deno.ts";
import { makeLogger, SILENT } from "../../src/world/log.ts";
import type { World } from "../../src/world/world.ts";
import { ALLOWED, type Call, environmentOf } from "../support/binary.ts";

/** Milliseconds for the calls in progress of an agent that stops: none should be left. */
const STOP_TIMEOUT = 5_000;

/** The answer to a call. */
export interface Answered {
  /** Exit code of the plugin. */
  readonly code: number;
  /** The result, or the error. */
  readonly stdout: string;
}

/** The agent of one node. */
export class FleetNode implements AsyncDisposable {
  /** The node's name. */
  readonly name: string;
  readonly #agent: Agent;

  /** Opens no connection yet. `folder` is that of its journal. */
  constructor(name: string, folder: string, isLoud = false) {
    this.name = name;
    const world = worldOf({ NODENAME: name, WHEREABOUTS_JOURNAL: folder, WHEREABOUTS_ALLOW_PATHS: ALLOWED });
    this.#agent = new Agent(world, loadDriver, isLoud ? makeLogger(world, { level: "warning" }) : SILENT);
  }

  /** Calls the agent as the plugin of its node would. A call that the agent leaves to the plugin counts as failed. */
  async call(call: Call): Promise<Answered> {
    const answer = await this.#agent.call({ protocol: 1, env: environmentOf(call), stdin: JSON.stringify(call.conf) });
    return { code: answer?.exitCode ?? 1, stdout: answer?.stdout ?? `The agent of ${this.name} declined the call` };
  }

  /** The sum of a metric over its series that contain a text. */
  metric(name: string, labels = ""): number {
    const lines = this.#agent.http("/metrics").body.split("\n").filter((line) =>
      line.startsWith(name) && line.includes(labels)
    );
    return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.finish(STOP_TIMEOUT);
  }
}

/** The machine with other variables, and without the flat file of an installation, which other tests write meanwhile. */
export function worldOf(variables: Readonly<Record<string, string>>): World {
  const machine = denoWorld();
  return {
    ...machine,
    env: (name) => variables[name] ?? machine.env(name),
    exists: (path) => FLAT_FILES.includes(path) ? Promise.resolve(false) : machine.exists(path),
  };
}

/** Agents, and the folder of their journals. */
export class Fleet implements AsyncDisposable {
  /** The agents. */
  readonly nodes: readonly FleetNode[];
  /** The folder of the journals. */
  readonly folder: string;

  /**
   * Journals are in memory if the machine has such a folder: a disk of one machine would have to sync the journals of all nodes, and a thread
   * that syncs delays all agents of this program.
   */
  constructor(count: number, isLoud = false) {
    this.folder = Deno.makeTempDirSync({ prefix: "fleet-", ...(isFolder("/dev/shm") && { dir: "/dev/shm" }) });
    this.nodes = Array.from(
      { length: count },
      (_, i) => new FleetNode(`bench-node-${i}`, `${this.folder}/node-${i}`, isLoud),
    );
  }

  /** The sum of a metric over all agents. */
  metric(name: string, labels = ""): number {
    return this.nodes.reduce((sum, node) => sum + node.metric(name, labels), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node[Symbol.asyncDispose]()));
    await Deno.remove(this.folder, { recursive: true });
  }
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
