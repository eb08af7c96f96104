/**
 * Running programs from tests.
 *
 * @module
 */

const decoder = new TextDecoder();

/** Debian's packages of the programs that tests run. */
const PACKAGES: Record<string, string> = {
  ip: "iproute2",
  npm: "npm",
  nsenter: "util-linux",
  openssl: "openssl",
  script: "bsdutils",
  setpriv: "util-linux",
  tar: "tar",
};

/** What a program that ended left behind. */
export interface Finished {
  /** Exit code. */
  readonly code: number;
  /** Standard output. */
  readonly stdout: string;
  /** Standard error. */
  readonly stderr: string;
}

/** How a program is run. */
export interface RunOptions {
  /** Variables; with `clearEnv` the only ones. */
  readonly env?: Record<string, string>;
  /** Start from an empty environment. */
  readonly clearEnv?: boolean;
  /** Text for standard input. */
  readonly stdin?: string;
  /** Working folder. */
  readonly cwd?: string;
}

/**
 * Runs a program to its end, whatever its exit code.
 *
 * @throws an Error when there is no such program
 */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const { stdin, ...rest } = options;
  const [program = "", ...args] = command;
  const child = spawn(program, {
    ...rest,
    args,
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  });
  if (stdin !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(stdin)).catch(() => {});
    await writer.close().catch(() => {});
  }
  const { code, stdout, stderr } = await child.output();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

function spawn(program: string, options: Deno.CommandOptions): Deno.ChildProcess {
  try {
    return new Deno.Command(program, options).spawn();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    const cwd = options.cwd ? `, or no folder ${options.cwd}` : "";
    const hint = PACKAGES[program] ? `: apt-get install -y ${PACKAGES[program]}` : "";
    throw new Error(`There is no program ${program}${cwd}${hint}`, { cause });
  }
}

/** Runs a program that must succeed. Returns its standard output. */
export async function must(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(command, options);
  if (code === 0) return stdout;
  throw new Error(`${command.join(" ")} ended with ${code}: ${stderr.trim() || stdout.trim()}`);
}

/** Whether a program can be found. */
export async function isInstalled(program: string): Promise<boolean> {
  return (await run(["sh", "-c", `command -v ${program}`])).code === 0;
}

/** Whether there is such a file, folder or socket. */
export function isThere(path: string): Promise<boolean> {
  return Deno.stat(path).then(() => true, () => false);
}

/** Polls until the check gives something, at most the given milliseconds. */
export async function eventually<T>(
  what: string,
  check: () => Promise<T | undefined | false>,
  limit = 30_000,
): Promise<T> {
  const end = Date.now() + limit;
  for (;;) {
    const result = await check();
    if (result) return result;
    if (Date.now() > end) throw new Error(`${what} did not come true within ${limit / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** First port that is tried. All are below those that Linux gives to outgoing connections, so a stopped server finds its port free again. */
const FIRST_PORT = 20_000;
const PORTS = 12_000;

/** A loopback TCP port nobody listens on now. */
export function freePort(): number {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new Error(`Found no free port from ${FIRST_PORT} to ${FIRST_PORT + PORTS - 1} in 100 attempts`);
}

/** How long a server may take to be ready, in milliseconds. Generous: a loaded machine is slow, and one that ended is noticed at once. */
const READY_LIMIT = 120_000;

/**
 * A server process of a test. It is killed when disposed, and with the thread that started it: a test file's own servers end with the file,
 * whatever happens to it.
 */
export class Server implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #log: string;
  #ended = false;

  /** Starts the program, its output going to a log file. */
  constructor(command: readonly string[], log: string, env: Record<string, string> = {}) {
    this.#log = log;
    const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
    this.#child = spawn("setpriv", {
      args: ["--pdeathsig", "KILL", "sh", "-c", `exec ${quoted} >>'${log}' 2>&1`],
      env,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    });
    this.#child.status.then(() => this.#ended = true);
  }

  /** Process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Whether it has ended, by itself or not. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The last lines it wrote. */
  tail(): string {
    return Deno.readTextFileSync(this.#log).split("\n").slice(-15).join("\n");
  }

  /**
   * Polls until the check says that it serves.
   *
   * @throws an Error with the last lines it wrote, at once when it has ended by itself
   */
  async ready(what: string, check: () => Promise<boolean>): Promise<void> {
    const checkAlive = () => {
      if (this.#ended) throw new Error(`${what} ended by itself`);
      return check();
    };
    try {
      await eventually(what, checkAlive, READY_LIMIT);
    } catch (cause) {
      throw new Error(`Cannot start ${what}; its log ends with\n${this.tail()}`, { cause });
    }
  }

  /** Ends it at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    killNow(this.#child);
    await this.#child.status;
  }
}

/** Kills a process, unless it has ended by itself. */
export function killNow(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // there is nobody to kill
  }
}

/** Whether a server answers a GET with success. */
export async function answers(url: string, client?: Deno.HttpClient, headers: HeadersInit = {}): Promise<boolean> {
  try {
    const response = await fetch(url, { headers, ...(client && { client }) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
