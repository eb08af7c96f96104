/**
 * Running programs from tests.
 *
 * @module
 */

const decoder = new TextDecoder();

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

/** Runs a program to its end, whatever its exit code. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const { stdin, ...rest } = options;
  const [program = "", ...args] = command;
  const child = new Deno.Command(program, {
    ...rest,
    args,
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (stdin !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(stdin)).catch(() => {});
    await writer.close().catch(() => {});
  }
  const { code, stdout, stderr } = await child.output();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
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

/** A loopback TCP port nobody listens on now. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** A server process of a test. It is killed when disposed, and with the process that started it. */
export class Server implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #log: string;

  /** Starts the program, its output going to a log file. */
  constructor(command: readonly string[], log: string, env: Record<string, string> = {}) {
    this.#log = log;
    const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
    this.#child = new Deno.Command("setpriv", {
      args: ["--pdeathsig", "KILL", "sh", "-c", `exec ${quoted} >>'${log}' 2>&1`],
      env,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
  }

  /** Process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** The last lines it wrote. */
  tail(): string {
    return Deno.readTextFileSync(this.#log).split("\n").slice(-15).join("\n");
  }

  /** Ends it at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // it ended by itself
    }
    await this.#child.status;
  }
}
