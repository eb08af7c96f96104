// deno-lint-ignore-file no-console -- a bench prints its table
/**
 * The bench: plugins as processes, on real stores, side by side in one run.
 *
 * `deno task bench [--peer NAME=PATH …] [--plugin PATH] [--calls N] [--json]`. A peer is another CNI IPAM plugin of the type
 * `whereabouts`; ratios are ours over the floor, and over the first peer where there is one. Trust ratios, not times.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { table } from "../../src/cli/table.ts";
import { bundle } from "../../install/compile.ts";
import { binary, type Call, compileWith } from "../support/binary.ts";
import { EtcdServer } from "../support/etcd.ts";
import { ControlPlane, type Kube, kubeconfigOf, namespaceOf } from "../support/kube.ts";
import { isThere } from "../support/process.ts";
import { startAgent } from "./agent.ts";
import { measure, measureByTurns, type Measured, percentile } from "./measure.ts";
import { seedPool } from "./seed.ts";
import { Relay } from "./traffic.ts";

interface Row {
  readonly scenario: string;
  readonly plugin: string;
  readonly measured: Measured;
  /** The floor in the same minutes. */
  readonly floor?: Measured;
  readonly requests?: number;
  readonly bytes?: number;
}

interface Plugin {
  readonly name: string;
  readonly path: string;
}

/** The flat file that the original insists on. */
const FLAT_FILE = "/etc/cni/net.d/whereabouts.d/whereabouts.conf";

const { values } = parseArgs({
  options: {
    peer: { type: "string", multiple: true, default: [] },
    plugin: { type: "string" },
    calls: { type: "string", default: "30" },
    json: { type: "boolean", default: false },
  },
});
const calls = Number(values.calls);
const say = (text: string) => console.error(`bench: ${text}`);

async function main(): Promise<void> {
  const work = await Deno.makeTempDir({ prefix: "bench-" });
  say("compiling");
  const ours: Plugin = { name: "whereabouts", path: values.plugin ?? await binary() };
  const floor: Plugin = { name: "floor", path: `${work}/floor` };
  await compileFloor(work, floor.path);
  const peers = values.peer.map((peer): Plugin => {
    const [name = "", path = ""] = peer.split("=");
    return { name, path };
  });
  const flat = peers.length > 0 ? await flatFile() : undefined;
  const rows: Row[] = [];
  try {
    rows.push(...await floorRows(floor));
    rows.push(...await embeddedRows(ours, floor, work), ...await etcdRows(ours, floor));
    rows.push(...await kubeRows([ours, ...peers]), ...await agentRows(ours, floor, await interpreted(work)));
  } finally {
    await flat?.[Symbol.asyncDispose]();
    await Deno.remove(work, { recursive: true });
  }
  print(rows, peers[0]?.name);
}

async function compileFloor(work: string, output: string): Promise<void> {
  const source = `${work}/floor-src`;
  await Deno.mkdir(source);
  const program =
    "const b = new Uint8Array(65536); let n; while ((n = Deno.stdin.readSync(b)) !== null) Deno.stdout.writeSync(b.subarray(0, n));\n";
  await Deno.writeTextFile(`${source}/main.js`, program);
  await compileWith(source, output);
}

async function flatFile(): Promise<AsyncDisposable | undefined> {
  if (await isThere(FLAT_FILE)) return undefined;
  await Deno.mkdir(FLAT_FILE.replace(/\/[^/]*$/, ""), { recursive: true });
  await Deno.writeTextFile(FLAT_FILE, "{}");
  return { [Symbol.asyncDispose]: () => Deno.remove(FLAT_FILE) };
}

function adds(count: number, ipam: Record<string, unknown>, prefix: string): Call[] {
  const conf = { cniVersion: "1.0.0", name: "bench", ipam: { type: "whereabouts", log_level: "error", ...ipam } };
  return Array.from(
    { length: count },
    (_, i) => ({ verb: "ADD", conf, containerId: `${prefix}${i}`, pod: `${prefix}-${i}` }),
  );
}

/** The same plugin, run by this Deno from its bundle: what a newer runtime than the compiled one makes of it. */
async function interpreted(work: string): Promise<Plugin> {
  const path = `${work}/interpreted`;
  const main = `${await bundle(`${work}/bundle`)}/main.js`;
  await Deno.writeTextFile(path, `#!/bin/sh\nexec ${Deno.execPath()} run --no-config --no-prompt -A ${main}\n`, {
    mode: 0o755,
  });
  return { name: `deno run ${Deno.version.deno}`, path };
}

async function floorRows({ name, path }: Plugin): Promise<Row[]> {
  say("floor");
  return [
    { scenario: "read stdin, print", plugin: name, measured: await measure(path, adds(calls, {}, "f"), 1) },
    { scenario: "the same, 20 at a time", plugin: name, measured: await measure(path, adds(200, {}, "f"), 20) },
  ];
}

/** One call after another, with the floor by turns: a machine's speed drifts by more than the difference is. */
async function besideFloor(
  scenario: string,
  plugin: Plugin,
  floor: Plugin,
  ipam: Record<string, unknown>,
  env: Readonly<Record<string, string>> = {},
): Promise<Row> {
  const [measured, beside] = await measureByTurns([
    { path: plugin.path, calls: adds(calls, ipam, plugin.name.replaceAll(/[^a-z0-9]/g, "")), env },
    { path: floor.path, calls: adds(calls, {}, "f") },
  ]);
  if (!measured || !beside) throw new Error("Nothing was measured");
  return { scenario, plugin: plugin.name, measured, floor: beside };
}

async function embeddedRows(ours: Plugin, floor: Plugin, work: string): Promise<Row[]> {
  say("embedded");
  const ipam = { datastore: "embedded", database: `${work}/bench.db`, range: "10.0.0.0/16" };
  return [await besideFloor("embedded", ours, floor, ipam)];
}

async function etcdRows(ours: Plugin, floor: Plugin): Promise<Row[]> {
  say("etcd");
  await using etcd = await EtcdServer.start();
  return [await besideFloor("etcd", ours, floor, { datastore: "etcd", etcd_host: etcd.url, range: "10.0.0.0/16" })];
}

async function kubeRows(plugins: readonly Plugin[]): Promise<Row[]> {
  const rows: Row[] = [];
  await using plane = await ControlPlane.start();
  for (const [index, plugin] of plugins.entries()) {
    const kube = await namespaceOf(plane.facts);
    for (const size of [10, 1_000, 10_000]) {
      say(`kubernetes, ${size} allocations, ${plugin.name}`);
      const range = `10.${100 + index * 20 + Math.log10(size)}.0.0/16`;
      await seedPool(kube, range, size);
      const ipam = { kubernetes: { kubeconfig: kube.kubeconfig }, range };
      const count = size > 1_000 ? Math.min(calls, 10) : calls;
      rows.push({
        scenario: `kubernetes, pool of ${size}`,
        plugin: plugin.name,
        measured: await measure(plugin.path, adds(count, ipam, `k${size}`), 1),
        ...(size === 10 && await traffic(kube, plugin, ipam)),
      });
    }
    say(`kubernetes, 20 at a time, ${plugin.name}`);
    const ipam = { kubernetes: { kubeconfig: kube.kubeconfig }, range: `10.${110 + index * 20}.0.0/16` };
    await measure(plugin.path, adds(1, ipam, "warm"), 1);
    rows.push({
      scenario: "kubernetes, 20 at a time",
      plugin: plugin.name,
      measured: await measure(plugin.path, adds(100, ipam, "w"), 20),
    });
  }
  return rows;
}

/** The same through the node's agent. Its memory is told beside the table. */
async function agentRows(ours: Plugin, floor: Plugin, other: Plugin): Promise<Row[]> {
  say("kubernetes, through the agent");
  await using plane = await ControlPlane.start();
  const kube = await namespaceOf(plane.facts);
  await using agent = await startAgent(ours.path);
  const rows: Row[] = [];
  for (const [i, plugin] of [ours, other].entries()) {
    const ipam = { kubernetes: { kubeconfig: kube.kubeconfig }, range: `10.${90 + i}.0.0/16` };
    await measure(plugin.path, adds(1, ipam, `warm${i}`), 1, agent.env);
    rows.push(await besideFloor("agent", plugin, floor, ipam, agent.env));
    const measured = await measure(plugin.path, adds(200, ipam, `w${i}`), 20, agent.env);
    rows.push({ scenario: "agent, 20 at a time", plugin: plugin.name, measured });
  }
  say(`the agent takes ${agent.memory().toFixed(0)} MB`);
  return rows;
}

/** Requests and bytes of an ADD, apart from the timed calls. */
async function traffic(
  kube: Kube,
  { path }: Plugin,
  ipam: Record<string, unknown>,
): Promise<{ requests: number; bytes: number }> {
  const count = 5;
  await using relay = new Relay(Number(new URL(kube.url).port));
  const relayed = `${kube.kubeconfig}.relay`;
  const config = kubeconfigOf(
    { ...kube, url: `https://127.0.0.1:${relay.port}` },
    { token: kube.token },
    kube.namespace,
  );
  await Deno.writeTextFile(relayed, JSON.stringify(config));
  const before = await kube.auditCount();
  await measure(path, adds(count, { ...ipam, kubernetes: { kubeconfig: relayed } }, "r"), 1);
  return { requests: (await kube.auditCount() - before) / count, bytes: relay.bytes / count };
}

function print(rows: readonly Row[], peer: string | undefined): void {
  if (values.json) {
    console.log(JSON.stringify(rows));
    return;
  }
  const p50 = (row: Row | undefined) => row ? percentile(row.measured, 0.5) : Number.NaN;
  const ms = (value: number) => value.toFixed(1);
  const lines = rows.map((row) => {
    const { measured } = row;
    const twin = rows.find((other) => other.plugin === peer && other.scenario === row.scenario);
    return [
      row.scenario,
      row.plugin,
      ...[0.5, 0.9, 0.99].map((share) => ms(percentile(measured, share))),
      ms(measured.times.length / measured.elapsed * 1000),
      ms(measured.cpu),
      row.requests?.toFixed(1) ?? "",
      row.bytes ? (row.bytes / 1024).toFixed(1) : "",
      (p50(row) / (row.floor ? percentile(row.floor, 0.5) : p50(rows[0]))).toFixed(2),
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
    "X FLOOR",
    "X PEER",
  ];
  for (const line of table(headings, lines)) console.log(line);
}

await main();
