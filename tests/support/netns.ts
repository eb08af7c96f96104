/**
 * Network namespaces of their own for tests, and the reference CNI plugins.
 *
 * @module
 */
import { assets } from "./assets.ts";
import { type Finished, isThere, must, run, type RunOptions } from "./process.ts";

/** A network namespace, gone when it is disposed. */
export class Netns implements AsyncDisposable {
  /** Its name for `ip netns`, unique on the machine. */
  readonly name = `wb-${crypto.randomUUID().slice(0, 8)}`;

  private constructor() {}

  /**
   * Makes one, its loopback up.
   *
   * @throws an Error when this is not root
   */
  static async create(): Promise<Netns> {
    if (Deno.uid() !== 0) {
      throw new Error("Cannot make a network namespace as an ordinary user: run these tests as root");
    }
    const netns = new Netns();
    await must(["ip", "netns", "add", netns.name]);
    await netns.must(["ip", "link", "set", "lo", "up"]);
    return netns;
  }

  /** What a runtime says in `CNI_NETNS`. */
  get path(): string {
    return `/run/netns/${this.name}`;
  }

  /** The command that runs the given one in here. Mounts stay those of the machine. */
  enter(command: readonly string[]): readonly string[] {
    return ["nsenter", `--net=${this.path}`, ...command];
  }

  /** Runs a program in here to its end, whatever its exit code. */
  run(command: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return run(this.enter(command), options);
  }

  /** Runs a program in here that must succeed. Returns its standard output. */
  must(command: readonly string[], options: RunOptions = {}): Promise<string> {
    return must(this.enter(command), options);
  }

  /** Addresses of an interface in here as `ADDRESS/PREFIX`, without the link-local ones. */
  async addresses(ifName: string): Promise<string[]> {
    const [link] = JSON.parse(await this.must(["ip", "-json", "address", "show", "dev", ifName]));
    const infos: { scope: string; local: string; prefixlen: number }[] = link.addr_info;
    return infos.filter(({ scope }) => scope !== "link").map(({ local, prefixlen }) => `${local}/${prefixlen}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await must(["ip", "netns", "delete", this.name]);
  }
}

/**
 * The folder with the reference CNI plugins: `CNI_BIN_DIR`, else those built from Go modules.
 *
 * @param names plugins that must be in `CNI_BIN_DIR`
 * @throws an Error that names a missing plugin, or what to install
 */
export async function cniPlugins(...names: string[]): Promise<string> {
  const folder = Deno.env.get("CNI_BIN_DIR");
  if (!folder) return await assets("plugins");
  for (const name of names) {
    if (await isThere(`${folder}/${name}`)) continue;
    throw new Error(`CNI_BIN_DIR ${folder} has no plugin ${name}: add it, or unset CNI_BIN_DIR to build all of them`);
  }
  return folder;
}
