/**
 * What of a call through the agent is the runtime's start, and what is ours: calls beside a program that reads its input and prints it, made
 * with the same runtime, alternately.
 *
 * @module
 */
import { type Call, compileWith } from "../support/binary.ts";
import { compiler } from "../support/denort.ts";
import { startAgent } from "./agent.ts";
import { measureByTurns, type Measured, once, percentile } from "./measure.ts";
import { interpreted, type Plugin, unseeing } from "./newest.ts";

/** A kind of call, beside the empty program of the same runtime. */
export interface StartupRow {
  /** The runtime. */
  readonly runtime: string;
  /** The call. */
  readonly call: string;
  /** The call through the agent. */
  readonly measured: Measured;
  /** The empty program. */
  readonly floor: Measured;
}

/** A runtime: the plugin and the empty program on it. */
interface Runtime {
  /** For the table. */
  readonly name: string;
  /** The plugin. */
  readonly plugin: Plugin;
  /** The empty program. */
  readonly floor: Plugin;
}

/** Times calls through the agent of a plugin, with the runtime that compiles here and with this Deno. */
export async function startupRows(plugin: Plugin, calls: number): Promise<readonly StartupRow[]> {
  const work = await Deno.makeTempDir({ prefix: "bench-" });
  try {
    return await rowsOf(await runtimesOf(plugin, work), plugin.path, calls, work);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** The store is the embedded one, so that no other server takes part: one kind of call uses no store, the other is an ADD. */
async function rowsOf(
  runtimes: readonly Runtime[],
  agent: string,
  calls: number,
  work: string,
): Promise<readonly StartupRow[]> {
  await using serving = await startAgent(agent);
  const { env } = serving;
  const ipam = { type: "whereabouts", log_level: "error", datastore: "embedded", database: `${work}/startup.db` };
  const conf = { cniVersion: "1.0.0", name: "bench", ipam: { ...ipam, range: "10.0.0.0/16" } };
  const call = (verb: string, id: string): Call => ({ verb, conf, containerId: id, pod: id });
  await once(agent, call("ADD", "first")); // the agent creates no database
  const many = (verb: string, prefix: string) => Array.from({ length: calls }, (_, i) => call(verb, `${prefix}${i}`));
  const contests = runtimes.flatMap((runtime, i) => [
    { runtime, call: "", path: runtime.floor.path, calls: many("VERSION", `f${i}`) },
    { runtime, call: "VERSION", path: runtime.plugin.path, calls: many("VERSION", `v${i}`), env },
    { runtime, call: "ADD", path: runtime.plugin.path, calls: many("ADD", `a${i}`), env },
  ]);
  for (const { path, env = {} } of contests) await once(path, call("VERSION", "warm"), env);
  const measured = await measureByTurns(contests);
  const floorOf = (runtime: Runtime) =>
    measured[contests.findIndex((one) => one.runtime === runtime && one.call === "")] as Measured;
  return contests.flatMap(({ runtime, call }, i) =>
    call === "" ? [] : [{ runtime: runtime.name, call, measured: measured[i] as Measured, floor: floorOf(runtime) }]
  );
}

/** Headings of {@linkcode startupCells}. */
export const STARTUP_HEAD = [
  "Call through the agent",
  "Runtime",
  "p50 ms",
  "Empty program ms",
  "Ratio",
  "CPU ms",
  "Empty program CPU ms",
  "CPU ratio",
  "Own CPU ms",
];

/** The cells of a row. CPU is user and system time of the process. */
export function startupCells({ runtime, call, measured, floor }: StartupRow): string[] {
  const [time, least] = [percentile(measured, 0.5), percentile(floor, 0.5)];
  return [
    call,
    runtime,
    time.toFixed(1),
    least.toFixed(1),
    (time / least).toFixed(2),
    measured.cpu.toFixed(1),
    floor.cpu.toFixed(1),
    (measured.cpu / floor.cpu).toFixed(2),
    (measured.cpu - floor.cpu).toFixed(1),
  ];
}

/** Writes the empty program into a folder. Returns the folder with its `main.js`. */
export async function floorSource(work: string): Promise<string> {
  const source = `${work}/floor-src`;
  await Deno.mkdir(source);
  const program =
    "const b = new Uint8Array(65536); let n; while ((n = Deno.stdin.readSync(b)) !== null) Deno.stdout.writeSync(b.subarray(0, n));\n";
  await Deno.writeTextFile(`${source}/main.js`, program);
  return source;
}

/** The runtime that compiles here, and the one that runs this program. */
async function runtimesOf(plugin: Plugin, work: string): Promise<readonly Runtime[]> {
  const source = await floorSource(work);
  const floor: Plugin = { name: "floor", path: `${work}/floor` };
  await compileWith(source, floor.path);
  const { version } = await compiler();
  const newest = await interpreted(await unseeing(`${work}/bundle`));
  return [
    { name: `compiled, ${version}`, plugin, floor },
    { name: newest.name, plugin: newest, floor: await interpreted(source) },
  ];
}
