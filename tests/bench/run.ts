// deno-lint-ignore-file no-console -- a bench prints its table
/**
 * The bench: plugins as processes, on real stores, side by side in one run.
 *
 * `deno task bench [--peer NAME=PATH …] [--plugin PATH] [--calls N] [--json] [--ablation NAME|all …] [--statuses] [--startup] [--blocks]`. A
 * peer is another CNI IPAM plugin of the type `whereabouts`; ratios are ours over the floor, and over the first peer where there is one.
 * Trust ratios, not times. With `--ablation` it times only the plugin with and without that piece of machinery, with `--statuses` with and
 * without status writes, with `--startup` only calls through the agent beside the empty program, with `--blocks` only calls in ranges with
 * `block_size`.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { table } from "../../src/cli/table.ts";
import { binary, compileWith } from "../support/binary.ts";
import { EtcdServer } from "../support/etcd.ts";
import { ControlPlane, type Kube, namespaceOf } from "../support/kube.ts";
import { ablationRows, printAblations } from "./ablation.ts";
import { chosenAblations } from "./ablations.ts";
import { printBlocks } from "./blocks.ts";
import { startAgent } from "./agent.ts";
import { adds, type Contest, flatFile, peersOf, trafficOf } from "./contest.ts";
import { measure, measureByTurns, type Measured, percentile } from "./measure.ts";
import { interpreted, type Plugin, unseeing } from "./newest.ts";
import { seedPool, seedReservations } from "./seed.ts";
import { floorSource, STARTUP_HEAD, startupCells, startupRows } from "./startup.ts";
import { printStatuses } from "./statuses.ts";

interface Row {
  readonly scenario: string;
  readonly plugin: string;
  readonly measured: Measured;
  /** The floor, measured at the same time. */
  readonly floor?: Measured;
  readonly requests?: number;
  readonly bytes?: number;
}

const { values } = parseArgs({
  options: {
    peer: { type: "string", multiple: true, default: [] },
    plugin: { type: "string" },
    calls: { type: "string", default: "30" },
    json: { type: "boolean", default: false },
    ablation: { type: "string", multiple: true, default: [] },
    statuses: { type: "boolean", default: false },
    startup: { type: "boolean", default: false },
    blocks: { type: "boolean", default: false },
  },
});
const calls = Number(values.calls);
const say = (text: string) => console.error(`bench: ${text}`);

async function main(): Promise<void> {
  const chosen = chosenAblations(values.ablation);
  say("compiling");
  const ours: Plugin = { name: "whereabouts", path: values.plugin ?? await binary() };
  if (values.statuses) return await printStatuses(ours.path, calls, values.json);
  if (values.startup) return await printStartup(ours);
  if (values.blocks) return await printBlocks(ours, calls, values.json);
  const rows = values.ablation.length > 0 ? [] : await pluginRows(ours);
  const ablations = await ablationRows(ours.path, chosen, calls, say);
  if (values.json) console.log(JSON.stringify([...rows, ...ablations]));
  else {
    if (rows.length > 0) print(rows);
    printAblations(ablations);
  }
}

async function printStartup(ours: Plugin): Promise<void> {
  const rows = await startupRows(ours, calls);
  const lines = values.json ? [JSON.stringify(rows)] : table(STARTUP_HEAD, rows.map(startupCells));
  for (const line of lines) console.log(line);
}

async function pluginRows(ours: Plugin): Promise<Row[]> {
  const work = await Deno.makeTempDir({ prefix: "bench-" });
  const floor: Plugin = { name: "floor", path: `${work}/floor` };
  const source = await floorSource(work);
  await compileWith(source, floor.path);
  const peers = peersOf(values.peer);
  const flat = peers.length > 0 ? await flatFile() : undefined;
  const rows: Row[] = [];
  try {
    rows.push(...await floorRows(floor), ...await floorRows(await interpreted(source)));
    rows.push(...await embeddedRows(ours, floor, work), ...await etcdRows(ours, floor));
    const newest = await interpreted(await unseeing(`${work}/bundle`));
    rows.push(...await kubeRows(ours, floor, peers, newest));
  } finally {
    await flat?.[Symbol.asyncDispose]();
    await Deno.remove(work, { recursive: true });
  }
  return rows;
}

async function floorRows({ name, path }: Plugin): Promise<Row[]> {
  say(`floor, ${name}`);
  return [
    { scenario: "read stdin, print", plugin: name, measured: await measure(path, adds(calls, {}, "f"), 1) },
    { scenario: "the same, 20 at a time", plugin: name, measured: await measure(path, adds(200, {}, "f"), 20) },
  ];
}

/** One call after another, contenders and the floor alternately: the speed of a machine drifts by more than the difference. */
async function byTurns(contests: readonly Contest[], floor: Plugin, count = calls): Promise<Row[]> {
  say(contests.map(({ scenario, plugin }) => `${scenario}, ${plugin.name}`).join("; "));
  for (const { plugin, ipam, env } of contests) await measure(plugin.path, adds(3, ipam, "warm"), 1, env);
  const [beside, ...measured] = await measureByTurns([
    { path: floor.path, calls: adds(count, {}, "f") },
    ...contests.map(({ plugin, ipam, env }) => ({
      path: plugin.path,
      calls: adds(count, ipam, "t"),
      ...(env && { env }),
    })),
  ]);
  return contests.flatMap(({ scenario, plugin }, i) => {
    const one = measured[i];
    return one && beside ? [{ scenario, plugin: plugin.name, measured: one, floor: beside }] : [];
  });
}

/** Concurrent calls, in a pool that an earlier call has created. */
async function alone({ scenario, plugin, ipam, env }: Contest, count: number, width: number): Promise<Row> {
  say(`${scenario}, ${plugin.name}`);
  await measure(plugin.path, adds(1, ipam, "first"), 1, env);
  return { scenario, plugin: plugin.name, measured: await measure(plugin.path, adds(count, ipam, "w"), width, env) };
}

async function embeddedRows(ours: Plugin, floor: Plugin, work: string): Promise<Row[]> {
  const ipam = { datastore: "embedded", database: `${work}/bench.db`, range: "10.0.0.0/16" };
  return await byTurns([{ scenario: "embedded", plugin: ours, ipam }], floor);
}

async function etcdRows(ours: Plugin, floor: Plugin): Promise<Row[]> {
  await using etcd = await EtcdServer.start();
  const ipam = { datastore: "etcd", etcd_host: etcd.url, range: "10.0.0.0/16" };
  return await byTurns([{ scenario: "etcd", plugin: ours, ipam }], floor);
}

/**
 * Directly and through the node's agent, whose memory is printed beside the table. Large pools come first: by the time of the calm calls the
 * API server has been up for long. Each scenario has a namespace of its own, because a peer may read all its objects.
 *
 * Consecutive calls of one plugin differ from alternate calls: a peer may wait for locks of its own last call.
 */
async function kubeRows(ours: Plugin, floor: Plugin, peers: readonly Plugin[], newest: Plugin): Promise<Row[]> {
  await using plane = await ControlPlane.start();
  await using agent = await startAgent(ours.path);
  let ranges = 0;
  const contest = (scenario: string, plugin: Plugin, kube: Kube, env?: Contest["env"]): Contest => {
    const range = `10.${100 + ranges++}.0.0/16`;
    return { scenario, plugin, ipam: { kubernetes: { kubeconfig: kube.kubeconfig }, range }, ...(env && { env }) };
  };
  const large: Row[] = [];
  for (const size of [10_000, 1_000]) {
    const kube = await namespaceOf(plane.facts);
    const contests = [ours, ...peers].map((plugin) => contest(`kubernetes, pool of ${size}`, plugin, kube));
    for (const { ipam } of contests) await seedPool(kube, String(ipam.range), size);
    large.unshift(...await byTurns(contests, floor, Math.min(calls, 10)));
  }
  const rows: Row[] = [];
  for (const foreign of [20, 4_000]) {
    const contests: Contest[] = [];
    for (const [way, env] of [["directly", undefined], ["by the agent", agent.env]] as const) {
      const kube = await namespaceOf(plane.facts);
      contests.push(contest(`${foreign} foreign addresses, ${way}`, ours, kube, env));
      await seedReservations(kube, String(contests.at(-1)?.ipam.range), foreign);
    }
    large.push(...await byTurns(contests, floor));
  }
  for (const plugin of [ours, newest, ...peers]) {
    const kube = await namespaceOf(plane.facts);
    const calm = contest("kubernetes, one after another", plugin, kube);
    rows.push({ ...await alone(calm, calls, 1), ...await trafficOf(kube, calm) });
  }
  const kube = await namespaceOf(plane.facts);
  rows.push(
    ...await byTurns([
      ...[ours, newest, ...peers].map((plugin) => contest("alternately, directly", plugin, kube)),
      ...[ours, newest].map((plugin) => contest("alternately, by the agent", plugin, kube, agent.env)),
    ], floor),
    ...large,
  );
  for (const plugin of [ours, ...peers]) {
    rows.push(await alone(contest("kubernetes, 20 at a time", plugin, await namespaceOf(plane.facts)), 100, 20));
  }
  for (const plugin of [ours, newest]) {
    const crowd = contest("agent, 20 at a time", plugin, await namespaceOf(plane.facts), agent.env);
    rows.push(await alone(crowd, 200, 20));
  }
  say(`the agent takes ${agent.memory().toFixed(0)} MB`);
  return rows;
}

function print(rows: readonly Row[]): void {
  const peer = peersOf(values.peer)[0]?.name;
  const p50 = (row: Row | undefined) => row ? percentile(row.measured, 0.5) : Number.NaN;
  const ms = (value: number) => value.toFixed(1);
  const lines = rows.map((row) => {
    const { measured } = row;
    const floor = row.floor ? percentile(row.floor, 0.5) : p50(rows[0]);
    const twin = rows.find((other) => other.plugin === peer && other.scenario === row.scenario);
    return [
      row.scenario,
      row.plugin,
      ...[0.5, 0.9, 0.99].map((share) => ms(percentile(measured, share))),
      ms(measured.times.length / measured.elapsed * 1000),
      ms(measured.cpu),
      row.requests?.toFixed(1) ?? "",
      row.bytes ? (row.bytes / 1024).toFixed(1) : "",
      ms(p50(row) - floor),
      (p50(row) / floor).toFixed(2),
      twin ? (p50(row) / p50(twin)).toFixed(2) : "",
    ];
  });
  const headings = [
    "SCENARIO",
    "PLUGIN",
    "P50 MS",
    "P90 MS",
    "P99 MS",
    "PER S",
    "CPU MS",
    "REQUESTS",
    "KIB",
    "MS OVER FLOOR",
    "X FLOOR",
    "X PEER",
  ];
  for (const line of table(headings, lines)) console.log(line);
}

await main();
