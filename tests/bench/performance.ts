// deno-lint-ignore-file no-console -- a bench prints its tables
/**
 * The tables of `docs/performance.md`, from one run on one machine.
 *
 * `deno task bench:performance [--peer NAME=PATH …] [--plugin PATH] [--calls N] [--size N …]`. Prints Markdown. Contenders take turns, so that a
 * machine with other work slows all of them; compare the columns of a row.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { binary } from "../support/binary.ts";
import { ControlPlane, type Kube, namespaceOf } from "../support/kube.ts";
import { markdownTable } from "../support/markdown.ts";
import { type BenchAgent, startAgent } from "./agent.ts";
import { adds, type Contest, flatFile, peersOf, trafficOf } from "./contest.ts";
import { measure, measureByTurns, type Measured, percentile } from "./measure.ts";
import type { Plugin } from "./newest.ts";
import { seedBlocks, seedPool, seedReservations } from "./seed.ts";
import { STARTUP_HEAD, startupCells, startupRows } from "./startup.ts";

const { values } = parseArgs({
  options: {
    peer: { type: "string", multiple: true, default: [] },
    plugin: { type: "string" },
    calls: { type: "string", default: "20" },
    size: { type: "string", multiple: true, default: ["10", "1000", "8000", "100000"] },
  },
});
const calls = Number(values.calls);
const peers = peersOf(values.peer);
/** Calls on pools from this size on take up to some seconds each. */
const LARGE = 5_000;
/** No object holds more addresses, and no cluster of a bench more reservations. */
const LIMIT = 10_000;
/** Concurrent calls of a node, and how many in all. */
const CROWD = { width: 20, calls: 100 };

const say = (text: string) => console.error(`bench: ${text}`);

async function main(): Promise<void> {
  say("compiling");
  const path = values.plugin ?? await binary();
  await using _flat = peers.length > 0 ? await flatFile() : undefined;
  await using agent = await startAgent(path);
  await using plane = await ControlPlane.start();
  const contenders = contendersOf({ name: "whereabouts", path }, agent);
  const sizes = values.size.map(Number);
  const names = contenders.map(({ name }) => name);
  const times: string[][] = [];
  const traffics: string[][] = [];
  for (const size of sizes) {
    const kube = await namespaceOf(plane.facts);
    const contests = await seeded(kube, contenders.filter(({ blocks }) => blocks || size <= LIMIT), size);
    say(`pools of ${size}`);
    const measured = await byTurns(contests, size >= LARGE ? Math.ceil(calls / 2) : calls);
    const cellOf = (name: string) => {
      const one = measured[contests.findIndex(({ scenario }) => scenario === name)];
      return one ? percentile(one, 0.5).toFixed(0) : "";
    };
    times.push([count(size), ...names.map(cellOf)]);
    for (const contest of contests) {
      const { requests, bytes } = await trafficOf(kube, contest);
      traffics.push([count(size), contest.scenario, requests.toFixed(1), (bytes / 1024).toFixed(1)]);
    }
  }
  print("ADD, p50 in ms, one after another", ["Addresses in the pool", ...names], times);
  print("Requests and KiB of an ADD", ["Addresses in the pool", "Plugin", "Requests", "KiB"], traffics);
  print(`${CROWD.width} ADDs at a time`, CROWD_HEAD, await crowdRows(plane, contenders));
  say("start-up");
  const startup = await startupRows({ name: "whereabouts", path }, calls);
  print("Calls through the agent beside a program that does nothing", STARTUP_HEAD, startup.map(startupCells));
}

/** A plugin, and how it is called. */
interface Contender extends Plugin {
  readonly env?: Readonly<Record<string, string>>;
  /** Whether its range is divided. */
  readonly blocks?: boolean;
}

function contendersOf(ours: Plugin, { env }: BenchAgent): readonly Contender[] {
  const ways = [{ ...ours, name: "agent", env }, { ...ours, name: "direct" }];
  return [...ways, ...ways.map((way) => ({ ...way, name: `${way.name}, /24`, blocks: true })), ...peers];
}

/**
 * A range of so many addresses for each contender, in one namespace, and as many reservations for all of them together, unless they are more
 * than {@linkcode LIMIT}.
 */
async function seeded(kube: Kube, contenders: readonly Contender[], size: number): Promise<readonly Contest[]> {
  const contests: Contest[] = [];
  for (const [i, { env, blocks = false, ...plugin }] of contenders.entries()) {
    const range = rangeOf(i);
    const ipam = { kubernetes: { kubeconfig: kube.kubeconfig }, range, ...(blocks && { block_size: "/24" }) };
    contests.push({ scenario: plugin.name, plugin, ipam, ...(env && { env }) });
    if (i === 0 && size <= LIMIT) await seedReservations(kube, range, size);
    if (blocks) {
      await measure(plugin.path, adds(1, ipam, "grid"), 1, env);
      await seedBlocks(kube, range, size);
    } else await seedPool(kube, range, size);
  }
  return contests;
}

function rangeOf(i: number): string {
  return `10.${100 + 4 * i}.0.0/14`;
}

async function byTurns(contests: readonly Contest[], count: number): Promise<readonly Measured[]> {
  for (const { plugin, ipam, env } of contests) await measure(plugin.path, adds(2, ipam, "warm"), 1, env);
  return await measureByTurns(
    contests.map(({ plugin, ipam, env }) => ({
      path: plugin.path,
      calls: adds(count, ipam, "t"),
      ...(env && { env }),
    })),
  );
}

const CROWD_HEAD = ["Plugin", "Addresses/s", "p50 ms", "p99 ms"];

/** Concurrent ADDs of one node on an empty pool. Contenders come one after another: they would delay each other. */
async function crowdRows(plane: ControlPlane, contenders: readonly Contender[]): Promise<string[][]> {
  const rows: string[][] = [];
  for (const { name, path, env, blocks = false } of contenders) {
    if (blocks) continue; // an empty range has one block
    say(`${CROWD.width} at a time, ${name}`);
    const kube = await namespaceOf(plane.facts);
    const ipam = { kubernetes: { kubeconfig: kube.kubeconfig }, range: rangeOf(0) };
    await measure(path, adds(1, ipam, "first"), 1, env);
    const measured = await measure(path, adds(CROWD.calls, ipam, "w"), CROWD.width, env);
    const rate = measured.times.length / measured.elapsed * 1_000;
    rows.push([
      name,
      rate.toFixed(1),
      ...[0.5, 0.99].map((share) => percentile(measured, share).toFixed(0)),
    ]);
  }
  return rows;
}

function count(size: number): string {
  return size.toLocaleString("en");
}

function print(title: string, head: readonly string[], rows: readonly (readonly string[])[]): void {
  console.log(`\n${title}:\n\n${markdownTable([head, ...rows])}`);
}

await main();
