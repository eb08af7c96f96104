// deno-lint-ignore-file no-console -- progress of long work goes to standard error
/**
 * What the tests need of the machine: installed where apt can, else listed as a whole before the first test.
 *
 * `deno run -A tests/support/preflight.ts test|e2e`. The exit code is 1 if anything is missing.
 *
 * @module
 */
import { planGroups, readControlGroups } from "./control_groups.ts";
import { isInstalled, run } from "./process.ts";

/** What is to be run: `deno task test`, or `deno task e2e`. */
export type Purpose = "test" | "e2e";

/** Programs and files, by the Debian package that has them. A name without a slash is searched in PATH. */
const PACKAGES: Readonly<Record<Purpose, Readonly<Record<string, string>>>> = {
  test: {
    "/bin/busybox": "busybox-static",
    "/etc/ssl/certs/ca-certificates.crt": "ca-certificates",
    "/usr/bin/chromium": "chromium",
    buildah: "buildah",
    find: "findutils",
    git: "git",
    ip: "iproute2",
    ldd: "libc-bin",
    nsenter: "util-linux",
    openssl: "openssl",
    ping: "iputils-ping",
    ps: "procps",
    script: "bsdutils",
    setpriv: "util-linux",
    tar: "tar",
    unshare: "util-linux",
  },
  e2e: {
    "/bin/busybox": "busybox-static",
    "/etc/ssl/certs/ca-certificates.crt": "ca-certificates",
    "/usr/bin/containerd": "containerd",
    "/usr/bin/ctr": "containerd",
    runc: "runc",
    buildah: "buildah",
    ip: "iproute2",
    ldd: "libc-bin",
    nft: "nftables",
    nsenter: "util-linux",
    openssl: "openssl",
    setpriv: "util-linux",
    sysctl: "procps",
    tar: "tar",
    unshare: "util-linux",
  },
};

/** Versions that Kubernetes v1.36 is built with, and that the packages at npm support. */
const MIN_VERSIONS = {
  go: { version: [1, 26], print: ["go", "env", "GOVERSION"], name: "Go", remedy: "install it from https://go.dev/dl" },
  node: { version: [20], print: ["node", "--version"], name: "Node.js", remedy: "install it from https://nodejs.org" },
} as const;

/** Facts of a machine. */
export interface Machine {
  /** The user id. */
  readonly uid: number | null;
  /** Debian packages whose programs are missing, sorted. */
  readonly packages: readonly string[];
  /** Whether apt-get is installed. */
  readonly apt: boolean;
  /** What programs print as their version; empty if they are missing. */
  readonly versions: Readonly<Record<keyof typeof MIN_VERSIONS, string>>;
  /** Whether npm is installed. */
  readonly npm: boolean;
  /** Error of an attempt to create a network namespace; undefined if it succeeded, or if it was not possible to try. */
  readonly namespaces: string | undefined;
  /** Why no node of a cluster can start here; undefined if one can, or for tests without cluster. */
  readonly groups: string | undefined;
}

/** What is missing, apart from packages that apt can install: one line each, with the remedy. */
export function problemsOf(machine: Machine): readonly string[] {
  const { uid, packages, apt, versions, npm, namespaces, groups } = machine;
  const root = uid === 0;
  const problems: string[] = [];
  if (!root) problems.push(`root: the tests create network namespaces, and the user id is ${uid}; run this as root`);
  for (const [key, { version, name, remedy }] of Object.entries(MIN_VERSIONS)) {
    const found = versions[key as keyof typeof MIN_VERSIONS];
    if (isAtLeast(found, version)) continue;
    problems.push(`${name} ${version.join(".")} or newer: ${found ? `found ${found}` : "not found"}; ${remedy}`);
  }
  if (!npm) problems.push("npm: not found; install it with Node.js");
  if (namespaces !== undefined) problems.push(`network namespaces: ${namespaces}; run this where root may create them`);
  if (groups !== undefined) problems.push(`control groups: ${groups}`);
  if (packages.length > 0 && !(apt && root && problems.length === 0)) {
    problems.push(`programs: ${aptCommand(packages)}`);
  }
  return problems;
}

/** Whether a printed version, such as `go1.26.8` or `v20.1.0`, is a minimum or newer. */
export function isAtLeast(printed: string, min: readonly number[]): boolean {
  const found = (/\d+(?:\.\d+)*/.exec(printed)?.[0] ?? "").split(".").map(Number);
  if (printed === "") return false;
  for (const [i, number] of min.entries()) {
    if ((found[i] ?? 0) !== number) return (found[i] ?? 0) > number;
  }
  return true;
}

/**
 * Installs what is missing where apt can.
 *
 * @throws {Error} lists everything that is missing
 */
export async function prepareMachine(purpose: Purpose): Promise<void> {
  let machine = await readMachine(purpose);
  if (problemsOf(machine).length === 0 && machine.packages.length > 0) {
    console.error(`preflight: installing ${machine.packages.join(" ")}`);
    await install(machine.packages);
    machine = { ...await readMachine(purpose), apt: false };
  }
  const problems = problemsOf(machine);
  if (problems.length === 0) return;
  throw new Error(`Cannot run deno task ${purpose} here. Missing:\n${problems.map((one) => `  - ${one}\n`).join("")}`);
}

async function readMachine(purpose: Purpose): Promise<Machine> {
  const missing = new Set<string>();
  for (const [program, name] of Object.entries(PACKAGES[purpose])) {
    const exists = program.startsWith("/") ? await isFile(program) : await isInstalled(program);
    if (!exists) missing.add(name);
  }
  const version = async (key: keyof typeof MIN_VERSIONS) => {
    const { stdout } = await run(["sh", "-c", '"$@" 2>/dev/null', "sh", ...MIN_VERSIONS[key].print]);
    return stdout.trim();
  };
  return {
    uid: Deno.uid(),
    packages: [...missing].sort(),
    apt: await isInstalled("apt-get"),
    versions: { go: await version("go"), node: await version("node") },
    npm: await isInstalled("npm"),
    namespaces: await tryNamespace(),
    groups: purpose === "e2e" ? await tryGroups() : undefined,
  };
}

async function tryNamespace(): Promise<string | undefined> {
  if (Deno.uid() !== 0 || !await isInstalled("unshare")) return undefined;
  const { code, stderr } = await run(["unshare", "--net", "--mount", "--pid", "--fork", "true"]);
  return code === 0 ? undefined : stderr.trim();
}

async function tryGroups(): Promise<string | undefined> {
  try {
    planGroups("node", await readControlGroups());
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return undefined;
}

/** apt's progress goes to standard error, so that nobody waits before a silent screen. */
async function install(packages: readonly string[]): Promise<void> {
  const script = 'apt-get update -q && exec apt-get install -y -q --no-install-recommends "$@"';
  const child = new Deno.Command("sh", {
    args: ["-c", `exec >&2; ${script}`, "sh", ...packages],
    env: { DEBIAN_FRONTEND: "noninteractive" },
    stdin: "null",
  }).spawn();
  const { code } = await child.status;
  if (code !== 0) throw new Error(`Cannot install packages: ${aptCommand(packages)} exited with code ${code}`);
}

function aptCommand(packages: readonly string[]): string {
  return `apt-get install -y --no-install-recommends ${packages.join(" ")}`;
}

function isFile(path: string): Promise<boolean> {
  return Deno.stat(path).then(({ isFile }) => isFile, () => false);
}

if (import.meta.main) {
  const [purpose = ""] = Deno.args;
  try {
    if (purpose !== "test" && purpose !== "e2e") throw new Error(`Unknown purpose "${purpose}": expected test or e2e`);
    await prepareMachine(purpose);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(1);
  }
}
