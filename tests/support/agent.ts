/**
 * A node with the compiled agent on it: its socket, its journal, and callers that are processes or sit on the socket themselves.
 *
 * @module
 */
import { ALLOWED, type Call, environmentOf } from "./binary.ts";
import { run, Server } from "./process.ts";

/** What a call came to. */
export interface Served {
  /** Exit code. */
  readonly code: number;
  /** Standard output. */
  readonly stdout: string;
  /** Standard error. */
  readonly stderr: string;
}

/** How a node's agent is started. */
export interface AgentNodeOptions {
  /** The program that is started as the agent. Default: the plugin's binary. */
  readonly agent?: string;
  /** Further arguments of `agent`. */
  readonly args?: readonly string[];
  /** Further variables of the agent. */
  readonly env?: Readonly<Record<string, string>>;
  /** The journal's folder. Default: one of the node's own. */
  readonly journal?: string;
}

/** One node. */
export class AgentNode implements AsyncDisposable {
  /** Everything of the node's is in here. */
  readonly folder: string = Deno.makeTempDirSync({ prefix: "agent-" });
  /** Where the agent listens. */
  readonly socket: string = `${this.folder}/run/agent.sock`;
  /** The journal's folder. */
  readonly journal: string;
  readonly #binary: string;
  readonly #options: AgentNodeOptions;
  #agent: Server | undefined;

  /** Starts nothing yet. */
  constructor(binary: string, options: AgentNodeOptions = {}) {
    this.#binary = binary;
    this.#options = options;
    this.journal = options.journal ?? `${this.folder}/journal`;
  }

  /** Starts the agent, and waits until it listens. */
  async start(): Promise<Server> {
    const agent = this.spawn();
    await agent.ready("the agent", () => this.accepts());
    return agent;
  }

  /** Starts the agent. */
  spawn(): Server {
    const env = { WHEREABOUTS_ALLOW_PATHS: ALLOWED, ...this.#options.env, WHEREABOUTS_JOURNAL: this.journal };
    const command = [
      this.#options.agent ?? this.#binary,
      "agent",
      "--socket",
      this.socket,
      ...this.#options.args ?? [],
    ];
    this.#agent = new Server(command, `${this.folder}/agent.log`, env);
    return this.#agent;
  }

  /** Kills the agent, as a node's memory shortage does. */
  async kill(): Promise<void> {
    await this.#agent?.[Symbol.asyncDispose]();
    this.#agent = undefined;
  }

  /** Whether somebody listens on the socket: one that a killed agent left does not count. */
  async accepts(): Promise<boolean> {
    const connection = await Deno.connect({ transport: "unix", path: this.socket }).catch(() => undefined);
    connection?.close();
    return connection !== undefined;
  }

  /** Whether the socket is there. */
  listens(): boolean {
    try {
      return Deno.statSync(this.socket).isSocket === true;
    } catch {
      return false;
    }
  }

  /** The agent's resident memory, in megabytes. */
  memory(): number {
    const status = Deno.readTextFileSync(`/proc/${this.#agent?.pid}/status`);
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
  }

  /** The files, sockets and pipes that the agent has open. */
  descriptors(): number {
    return [...Deno.readDirSync(`/proc/${this.#agent?.pid}/fd`)].length;
  }

  /** The environment of a call on this node. */
  environment(call: Call): Record<string, string> {
    return { ...environmentOf(call), WHEREABOUTS_JOURNAL: this.journal, WHEREABOUTS_AGENT_SOCKET: this.socket };
  }

  /** Calls the plugin as a process. */
  call(call: Call): Promise<Served> {
    return run([this.#binary], { env: this.environment(call), clearEnv: true, stdin: JSON.stringify(call.conf) });
  }

  /**
   * Calls the agent over its socket, as the plugin would.
   *
   * @throws an Error where it closes without an answer
   */
  async ask(call: Call): Promise<Served> {
    const request = { protocol: 1, env: environmentOf(call), stdin: JSON.stringify(call.conf) };
    const answer = await this.#exchange(`${JSON.stringify(request)}\n`);
    if (answer === "") throw new Error("The agent closed without an answer");
    const { exitCode, stdout } = JSON.parse(answer);
    return { code: exitCode, stdout, stderr: "" };
  }

  /** Sends anything to the agent's socket and no more, and gives what it answers. */
  knock(text: string): Promise<string> {
    return this.#exchange(text, (connection) => connection.closeWrite());
  }

  async #exchange(
    text: string,
    sent: (connection: Deno.UnixConn) => Promise<void> = () => Promise.resolve(),
  ): Promise<string> {
    using connection = await Deno.connect({ transport: "unix", path: this.socket });
    const data = new TextEncoder().encode(text);
    for (let at = 0; at < data.length;) at += await connection.write(data.subarray(at));
    await sent(connection);
    const chunks: string[] = [];
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(4_096);
    for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
      chunks.push(decoder.decode(buffer.subarray(0, count), { stream: true }));
    }
    return chunks.join("");
  }

  /** Names of the records in a folder of the journal. */
  records(place: "attachments" | "releasing"): string[] {
    try {
      return Array.from(Deno.readDirSync(`${this.journal}/${place}`), ({ name }) => name).sort();
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await Deno.remove(this.folder, { recursive: true });
  }
}
