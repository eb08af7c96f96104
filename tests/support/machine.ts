/**
 * A machine as far as its files go: a mount namespace with folders of its own for data, sockets, logs and CNI configurations. What is written
 * there is seen, and gone with it.
 *
 * @module
 */
import { eventually, type Finished, isThere, must, run, type RunOptions, Server } from "./process.ts";

/** Folders that are empty at first, and its own. */
export const OWN_FOLDERS = ["/var/lib", "/run", "/var/log", "/etc/cni"] as const;

/** One machine. */
export class Machine implements AsyncDisposable {
  /** Of the test: inputs and outputs of what runs on the machine. */
  readonly folder: string = Deno.makeTempDirSync({ prefix: "machine-" });
  readonly #holder: Server;
  readonly #umask: string;
  #started = 0;

  /** @param options `folders`: made with mode 0755; `umask`: of everything that runs here */
  constructor({ folders = [], umask = "022" }: { readonly folders?: readonly string[]; readonly umask?: string } = {}) {
    this.#umask = umask;
    const mounts = OWN_FOLDERS.map((path) => `mkdir -p ${path} && mount -t tmpfs -o mode=755 tmpfs ${path}`);
    const made = folders.length > 0 ? [`mkdir -p ${folders.join(" ")}`] : [];
    const script = [...mounts, "umask 022", ...made, `touch ${this.folder}/ready`].join(" && ");
    const command = ["unshare", "--mount", "sh", "-c", `${script} && exec sleep infinity`];
    this.#holder = new Server(command, `${this.folder}/holder.log`);
  }

  /** Waits until it is there. */
  async ready(): Promise<this> {
    await this.#holder.ready("the machine", () => isThere(`${this.folder}/ready`));
    return this;
  }

  /** Where one of its paths is seen from outside. */
  path(path: string): string {
    return `/proc/${this.#holder.pid}/root${path}`;
  }

  /** The command that runs the given one on the machine. */
  enter(command: readonly string[]): readonly string[] {
    const inside = ["sh", "-c", `umask ${this.#umask} && exec "$@"`, "sh", ...command];
    return ["nsenter", `--mount=/proc/${this.#holder.pid}/ns/mnt`, ...inside];
  }

  /** Runs a program here to its end, in the environment that is given and no other, but for PATH. */
  run(command: readonly string[], { env = {}, ...options }: RunOptions = {}): Promise<Finished> {
    return run(this.enter(command), { env: { PATH, ...env }, clearEnv: true, ...options });
  }

  /** Runs a program here that must succeed. */
  must(command: readonly string[]): Promise<string> {
    return must(this.enter(command));
  }

  /** Starts a program that stays. Its output goes to a file in {@linkcode folder}. */
  server(command: readonly string[], env: Record<string, string> = {}): Server {
    return new Server(this.enter(command), `${this.folder}/output-${this.#started++}.log`, env);
  }

  /**
   * Starts a call of the plugin, which ends when it is disposed, or by itself.
   *
   * @returns it, and its answer once it has ended
   */
  call(program: string, env: Record<string, string>, conf: unknown): { call: Server; answer: () => Promise<string> } {
    const input = `${this.folder}/input-${this.#started}`;
    Deno.writeTextFileSync(input, JSON.stringify(conf));
    const call = this.server(["sh", "-c", `exec ${program} < ${input} > ${input}.answer`], env);
    const answer = async () => {
      await eventually("the end of the call", () => Promise.resolve(call.ended));
      return await Deno.readTextFile(`${input}.answer`);
    };
    return { call, answer };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#holder[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

const PATH = Deno.env.get("PATH") ?? "";
