// deno-lint-ignore-file no-console -- a bench prints its table
/**
 * The conflicts that status writes add to commits: two agents allocate from one pool, with and without writes of its status meanwhile.
 *
 * @module
 */
import { table } from "../../src/cli/table.ts";
import { openCluster } from "../../drivers/kubernetes/cluster.ts";
import { parseCidr } from "../../src/address/cidr.ts";
import { statusOf } from "../../src/pool/pool_status.ts";
import { denoWorld } from "../../src/world/deno.ts";
import { AgentNode } from "../support/agent.ts";
import type { Call } from "../support/binary.ts";
import { ControlPlane, type Kube, namespaceOf } from "../support/kube.ts";
import { answers, eventually, freePort } from "../support/process.ts";
import { measure, percentile } from "./measure.ts";

/** Milliseconds between two writes of the status. Infinity: none. The controller waits 300,000. */
const INTERVALS = [Infinity, 1_000, 100] as const;
/** Concurrent calls of a node. */
const WIDTH = 10;
/** Rounds of each interval, alternately. */
const ROUNDS = 3;

/** What was counted with an interval. */
interface StatusRow {
  /** Milliseconds between two writes of the status. */
  readonly interval: number;
  /** Status writes. */
  writes: number;
  /** Commits of the agents, refused ones included. */
  commits: number;
  /** Commits refused because another write came first. */
  conflicts: number;
  /** Medians of the time of an ADD in each round, in milliseconds. */
  readonly times: number[];
}

/** Two nodes with an agent. */
class Nodes implements AsyncDisposable {
  readonly #addresses = [freePort(), freePort()].map((port) => `127.0.0.1:${port}`);
  readonly #nodes: readonly AgentNode[];
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    this.#nodes = this.#addresses.map((address) => new AgentNode(path, { args: ["--http-address", address] }));
  }

  async start(): Promise<void> {
    for (const node of this.#nodes) await node.start();
    for (const address of this.#addresses) {
      await eventually(`HTTP at ${address}`, () => answers(`http://${address}/healthz`));
    }
  }

  /** Calls on both at the same time. Returns the median of their times. */
  async call(calls: readonly Call[]): Promise<number> {
    const half = calls.length / 2;
    const measured = await Promise.all(this.#nodes.map(async (node, i) => {
      const own = calls.slice(i * half, (i + 1) * half);
      return await measure(this.#path, own, WIDTH, node.environment({ verb: "ADD", conf: {} }));
    }));
    const times = measured.flatMap(({ times }) => times).sort((a, b) => a - b);
    return percentile({ times, elapsed: 0, cpu: 0 }, 0.5);
  }

  /** The sum of a metric of commits. */
  async count(metric: string): Promise<number> {
    const texts = await Promise.all(
      this.#addresses.map(async (address) => await (await fetch(`http://${address}/metrics`)).text()),
    );
    const lines = texts.flatMap((text) => text.split("\n")).filter((line) =>
      line.startsWith(`whereabouts_agent_${metric}{operation="commit"`)
    );
    return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.#nodes) await node[Symbol.asyncDispose]();
  }
}

/** Counts for each interval. `calls` are those of one round. */
async function statusRows(path: string, calls: number): Promise<readonly StatusRow[]> {
  const rows: StatusRow[] = INTERVALS.map((interval) => ({ interval, writes: 0, commits: 0, conflicts: 0, times: [] }));
  await using plane = await ControlPlane.start();
  const kube = await namespaceOf(plane.facts);
  await using nodes = new Nodes(path);
  await nodes.start();
  let pools = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (const row of rows) {
      const range = `10.${100 + pools++}.0.0/16`;
      const name = `r${round}i${row.interval}`;
      await nodes.call(callsFor(kube, range, 2, `${name}-first`)); // creates the pool
      const before = [await nodes.count("conflicts_total"), await nodes.count("store_seconds_count")] as const;
      const stop = new AbortController();
      const writing = writeStatuses(kube, range, row.interval, stop.signal);
      row.times.push(await nodes.call(callsFor(kube, range, calls, name)));
      stop.abort();
      row.writes += await writing;
      row.conflicts += await nodes.count("conflicts_total") - before[0];
      row.commits += await nodes.count("store_seconds_count") - before[1];
    }
  }
  return rows;
}

function callsFor({ kubeconfig }: Kube, range: string, count: number, name: string): readonly Call[] {
  const ipam = { type: "whereabouts", log_level: "error", kubernetes: { kubeconfig }, range };
  const conf = { cniVersion: "1.0.0", name: "bench", ipam };
  return Array.from({ length: count }, (_, i) => ({
    verb: "ADD",
    conf,
    containerId: `${name}-${i}`,
    pod: `${name}-${i}`,
  }));
}

/** Writes the status of the pool of a range until the signal aborts. Returns how often. */
async function writeStatuses(kube: Kube, range: string, interval: number, signal: AbortSignal): Promise<number> {
  const network = parseCidr(range);
  if (!network || interval === Infinity) return 0;
  const world = denoWorld();
  await using cluster = await openCluster(world, { kubeconfig: kube.kubeconfig });
  let writes = 0;
  while (!signal.aborted) {
    const status = statusOf({ allocations: writes, capacity: 65_534n, free: 65_534n }, undefined, world.now());
    await cluster.poolStatuses?.save({ network: "", cidr: network.cidr }, status, AbortSignal.timeout(10_000));
    writes++;
    await world.sleep(interval, signal).catch(() => {});
  }
  return writes;
}

/** Measures and prints a table, or JSON. `calls` are those of one round. */
export async function printStatuses(path: string, calls: number, json: boolean): Promise<void> {
  const rows = await statusRows(path, calls);
  for (const line of json ? [JSON.stringify(rows)] : table(HEADINGS, rows.map((row) => cells(row, rows[0])))) {
    console.log(line);
  }
}

const HEADINGS = ["STATUS WRITTEN", "WRITES", "COMMITS", "CONFLICTS", "ADDED PER WRITE", "P50 MS"];

/** @param base the row without status writes, whose share of conflicts the others would have too */
function cells({ interval, writes, commits, conflicts, times }: StatusRow, base: StatusRow | undefined): string[] {
  const added = conflicts - (base ? base.conflicts * commits / base.commits : Number.NaN);
  const every = interval === Infinity ? "never" : `every ${interval / 1_000} s`;
  const median = times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;
  const perWrite = writes === 0 ? "" : (added / writes).toFixed(2);
  return [every, `${writes}`, `${commits}`, `${conflicts}`, perWrite, median.toFixed(1)];
}
