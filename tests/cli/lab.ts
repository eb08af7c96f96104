/**
 * Runs commands, and makes databases for them.
 *
 * @module
 */
import { readDocuments, writeYaml } from "../../drivers/cluster.ts";
import { loadDriver, openStore } from "../../drivers/mod.ts";
import { runCommand } from "../../src/cli/command.ts";
import { loadConfig } from "../../src/config/load.ts";
import { DEFAULT_DATABASE } from "../../src/config/schema.ts";
import type { OpenCluster } from "../../src/controllers/cluster.ts";
import { allocate } from "../../src/ipam/allocate.ts";
import type { Platform } from "../../src/world/platform.ts";
import type { LoadDriver } from "../../src/storage/open.ts";
import { ATTEMPT_TIMEOUT } from "../../src/storage/retry.ts";
import { type Runner, wrap } from "../../src/storage/wrap.ts";
import { denoWorld } from "../../src/world/deno.ts";
import { checkOutput } from "../support/schemas.ts";

/** The result of a command. */
export interface Ran {
  /** Exit code. */
  readonly code: number;
  /** Standard output. */
  readonly out: string;
  /** Standard error. */
  readonly err: string;
}

/** How to run a command. */
export interface Call {
  /** Default: `whereabouts`. */
  readonly called?: string;
  /** Default: empty. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether standard output is a terminal, or its width. Default: false. */
  readonly terminal?: boolean | number;
  /** Whether both outputs are a terminal: progress is then written to standard error. Default: false. */
  readonly progress?: boolean;
  /** The answer at the terminal; absent: no terminal. */
  readonly answer?: boolean;
  /** Default: empty. */
  readonly stdin?: string;
  /** Runs each operation of the store. Default: calls it once. */
  readonly around?: Runner;
  /** Default: fails. */
  readonly openCluster?: OpenCluster;
  /** Default: there are no sockets. */
  readonly platform?: () => Promise<Platform>;
}

/** Runs a command. Grace periods pass a hundred times as fast. */
export function run(...args: string[]): Promise<Ran> {
  return call({}, ...args);
}

const noCluster: OpenCluster = () => Promise.reject(new Error("no cluster"));
const noSockets = () => Promise.reject(new Error("there are no sockets"));

/** Runs a command as described. */
export async function call(
  {
    called = "whereabouts",
    env = {},
    answer,
    stdin = "",
    around,
    terminal = false,
    progress = false,
    openCluster = noCluster,
    platform = noSockets,
  }: Call,
  ...args: string[]
): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const real = denoWorld();
  const world = {
    ...real,
    env: (name: string) => env[name],
    stdin: () => Promise.resolve(new TextEncoder().encode(stdin)),
    // a plugin that ran here as root may have left its database
    exists: (path: string) => path === DEFAULT_DATABASE ? Promise.resolve(false) : real.exists(path),
    stderr: (line: string) => void err.push(line),
    // grace periods pass a hundred times as fast; a store has as long for an answer as it has outside of tests
    sleep: (milliseconds: number, signal?: AbortSignal) =>
      real.sleep(milliseconds === ATTEMPT_TIMEOUT ? milliseconds : milliseconds / 100, signal),
    monotonic: () => real.monotonic() * 100,
  };
  const load: LoadDriver = async (kind) => {
    const open = await loadDriver(kind);
    return around ? async (...given) => wrap(await open(...given), around) : open;
  };
  const code = await runCommand(args, world, load, {
    write: (text) => void out.push(text),
    terminal,
    progress: progress ? (text) => void err.push(text) : undefined,
    called,
    ask: answer === undefined ? undefined : () => answer,
    openCluster,
    readDocuments,
    writeYaml,
    forgoPrograms: () => {},
    onUncaught: () => {},
    exit: () => {},
    inspectApi: () => Promise.resolve([{ what: "Kubernetes API", problem: "No cluster" }]),
    platform,
  });
  const printed = out.join("");
  if (args.includes("--json") && printed !== "") checkOutput(args[0] ?? "", printed);
  return { code, out: printed, err: err.join("\n") };
}

/** A database in which web-0 and web-1 have an address of each of two ranges. */
export async function database(): Promise<{ path: string } & AsyncDisposable> {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/whereabouts.db`;
  for (const pod of ["web-0", "web-1"]) await give(path, pod);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}

const RANGES = { range: "10.0.0.0/28", ipRanges: [{ range: "fd00::/124" }] };

/** Allocates an address of each range to a pod, as its ADD does. */
export async function give(
  path: string,
  pod: string,
  ranges: Readonly<Record<string, unknown>> = RANGES,
): Promise<void> {
  const world = denoWorld();
  const conf = { name: "net", ipam: { type: "whereabouts", datastore: "embedded", database: path, ...ranges } };
  const { config } = await loadConfig(world, { conf, author: "operator" });
  await using store = await openStore(config, { world });
  const owner = { podRef: `default/${pod}`, ifName: "net1", containerId: `c-${pod}` };
  await allocate(store, config, owner, AbortSignal.timeout(5_000));
}
