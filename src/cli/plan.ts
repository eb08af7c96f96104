/**
 * `plan`: shows whether a network has enough addresses, until when, and what a change of its range would do.
 *
 * @module
 */
import {
  changeOf,
  fits,
  fullAt,
  highestRate,
  type LiveAddress,
  planRanges,
  type RangeChange,
  type RangePlan,
  RATE_DAYS,
} from "../pool/capacity_plan.ts";
import type { Cluster } from "../controllers/cluster.ts";
import { overlap } from "../address/cidr.ts";
import { countOf } from "../pool/pool_status.ts";
import type { PoolSnapshot } from "../storage/driver.ts";
import { type Command, defineCommand, type Flags, parseNumber, UsageError, type Values } from "./define.ts";
import { planDefinition, type PlanNetworks, planPool } from "./plan_networks.ts";
import { clusterOf } from "./pods_flag.ts";
import { DOCUMENT_FLAGS, formatOf, printValue } from "./output.ts";
import { openReading, READ_TIMEOUT } from "./reading.ts";
import { STORE_FLAGS } from "./store.ts";
import { type Cell, clean, countText, table } from "./table.ts";
import type { Terminal } from "./terminal.ts";

const FLAGS = {
  pods: {
    type: "string",
    value: "NUMBER",
    help: "Pods that it shall serve in total; else those that have addresses now",
  },
  nodes: { type: "string", value: "NUMBER", help: "Nodes that need a slice in total; else those of the cluster" },
  range: { type: "string", value: "CIDR", help: "Plan with this first range instead of the configured one" },
  "slice-size": {
    type: "string",
    value: "/PREFIX",
    help: "Plan with this node_slice_size instead of the configured one",
  },
  "per-day": {
    type: "string",
    value: "NUMBER",
    help: "Addresses by which it grows per day; else at most those of present pods that started in the last 7 days",
  },
  ...DOCUMENT_FLAGS,
  ...STORE_FLAGS,
} as const satisfies Flags;

/** Plans the addresses of one network. */
export const plan: Command = defineCommand({
  operands: "NETWORK",
  completes: "names",
  about: [
    "Show whether a network has enough addresses for so many pods and nodes, and until when. With --range or --slice-size, plan with these, " +
    "and list the live addresses and slices that the change affects. Nothing is written.",
    "NETWORK is a NetworkAttachmentDefinition, as NAMESPACE/NAME or NAME; in a store without a cluster, a pool or a range.",
  ],
  flags: FLAGS,
  exits: { 0: "It fits", 3: "It does not fit: addresses or slices are missing" },
}, async (terminal, values, [name = "", ...more]) => {
  if (name === "" || more.length > 0) {
    throw new UsageError(`Invalid network ${JSON.stringify([name, ...more].join(" "))}: expected one name`);
  }
  const wanted = {
    pods: numberOf(values, "pods"),
    nodes: numberOf(values, "nodes"),
    perDay: numberOf(values, "per-day"),
  };
  await using reading = await openReading(terminal, { ...values, "all-namespaces": false });
  const { parts: [found] } = await reading.read(
    ({ ipam }, signal) => ipam.driver.list(signal),
    ({ length }) => length === 0,
  );
  if (!found) throw new TypeError("A reading has a store");
  const { store, value: pools } = found;
  await using cluster = await clusterOf(terminal, store.datastore, values);
  const signal = AbortSignal.timeout(READ_TIMEOUT);
  const networks = cluster
    ? await planDefinition(terminal.world, cluster, name, values, signal)
    : planPool(pools, name, values);
  const isSliced = networks.after.slicePrefixes !== undefined;
  const nodes = cluster && isSliced ? (await cluster.nodes.list(signal)).items.map((one) => one.name) : [];
  const live = liveOf(networks, pools);
  const demand = { pods: BigInt(wanted.pods ?? live.size), nodes: wanted.nodes ?? nodes.length };
  const facts = { pools, nodes, slices: networks.slices };
  const ranges = planRanges(networks.after, demand, facts);
  const now = terminal.world.now();
  const rate = wanted.perDay ?? (cluster && await presentRate(cluster, live, now, signal));
  const result: Result = {
    name: networks.name,
    demand,
    ranges,
    rate: rate === undefined ? undefined : { perDay: rate, isGiven: wanted.perDay !== undefined },
    change: networks.before === networks.after ? undefined : changeOf(networks.before, networks.after, facts),
    now,
  };
  const isPrinted = await printValue(terminal, formatOf(values, DOCUMENT_FLAGS), () => toJson(result));
  if (!isPrinted) report(terminal, result);
  return fits(ranges) ? 0 : 3;
});

interface Result {
  readonly name: string;
  readonly demand: { readonly pods: bigint; readonly nodes: number };
  readonly ranges: readonly RangePlan[];
  readonly rate: { readonly perDay: number; readonly isGiven: boolean } | undefined;
  readonly change: RangeChange | undefined;
  readonly now: number;
}

function numberOf(values: Values<typeof FLAGS>, flag: "pods" | "nodes" | "per-day"): number | undefined {
  const text = values[flag];
  if (text === undefined) return undefined;
  return parseNumber(flag, text, { decimals: flag === "per-day" ? 3 : 0 });
}

/** The pods of the network's pools, with the number of addresses of each. */
function liveOf({ before, after }: PlanNetworks, pools: readonly PoolSnapshot[]): Map<string, number> {
  const pods = new Map<string, number>();
  const ranges = [...before.ranges, ...after.ranges];
  for (const { key, allocations } of pools) {
    if (key.network !== after.network || !ranges.some(({ cidr }) => overlap(cidr, key.cidr))) continue;
    for (const { podRef, containerId } of allocations.values()) {
      const pod = podRef || containerId;
      pods.set(pod, (pods.get(pod) ?? 0) + 1);
    }
  }
  return pods;
}

async function presentRate(
  cluster: Cluster,
  live: ReadonlyMap<string, number>,
  now: number,
  signal: AbortSignal,
): Promise<number> {
  const { items } = await cluster.pods.list(signal);
  return highestRate(
    items.flatMap(({ podRef, started }) => live.has(podRef) && started !== undefined ? [started] : []),
    now,
  );
}

/** The range that is full first, and when; undefined without a rate. */
function forecastOf(
  { ranges, rate, now }: Result,
): { readonly range: string; readonly full: number | undefined } | undefined {
  if (!rate) return undefined;
  const all = ranges.map(({ range, ...one }) => ({ range, full: fullAt(freeOf(one), rate.perDay, now) }));
  return all.reduce<(typeof all)[number] | undefined>(
    (first, one) => first === undefined || (one.full ?? Infinity) < (first.full ?? Infinity) ? one : first,
    undefined,
  );
}

function freeOf({ capacity, used }: Pick<RangePlan, "capacity" | "used">): bigint {
  return capacity > used ? capacity - used : 0n;
}

function report(terminal: Terminal, result: Result): void {
  const { print, style } = terminal;
  const { name, demand, ranges } = result;
  const nodes = ranges.some(({ slices }) => slices) ? `, ${count(demand.nodes, "node")}` : "";
  print(clean(`Network ${name}: ${count(demand.pods, "pod")}${nodes}`));
  print("");
  const rows = ranges.map((one): Cell[] => [
    one.range,
    one.capacity,
    one.used,
    freeOf(one),
    one.needed,
    one.short > 0n
      ? { text: `${countText(one.short)} missing`, paint: style.bad }
      : { text: "fits", paint: style.good },
  ]);
  table(["RANGE", "CAPACITY", "USED", "FREE", "NEEDED", "RESULT"], rows, style).forEach(print);
  reportSlices(terminal, ranges);
  const forecast = forecastOf(result);
  if (forecast && result.rate) {
    print("");
    print(forecastText(forecast, result.rate));
  }
  if (result.change) reportChange(terminal, result.change);
  print("");
  print(fits(ranges) ? style.good("It fits") : style.bad("It does not fit"));
}

function reportSlices({ print, style }: Terminal, ranges: readonly RangePlan[]): void {
  const rows = ranges.flatMap(({ range, slices }): Cell[][] => {
    if (!slices) return [];
    const { prefix, perSlice, perNode, withoutSlice } = slices;
    const lacks = [
      ...(withoutSlice > 0 ? [`${count(withoutSlice, "node")} without a slice`] : []),
      ...(perNode > perSlice ? [`${perNode - perSlice} addresses per node missing`] : []),
    ];
    const result = lacks.length > 0
      ? { text: lacks.join(", "), paint: style.bad }
      : { text: "fits", paint: style.good };
    return [[range, `/${prefix}`, perSlice, perNode, result]];
  });
  if (rows.length === 0) return;
  print("");
  table(["RANGE", "SLICES", "ADDRESSES PER NODE", "PODS PER NODE", "RESULT"], rows, style).forEach(print);
}

function forecastText(
  { range, full }: { readonly range: string; readonly full: number | undefined },
  { perDay, isGiven }: { readonly perDay: number; readonly isGiven: boolean },
): string {
  const rate = `${Math.round(perDay * 10) / 10} addresses per day`;
  if (perDay === 0) {
    return isGiven ? `${range} does not fill: ${rate}` : `No pod of it started in the last ${RATE_DAYS} days`;
  }
  const source = isGiven ? rate : `at most ${rate}, by its pods that started in the last ${RATE_DAYS} days`;
  if (full === undefined) return `${range} is not full within a hundred years: ${source}`;
  const date = new Date(full).toISOString().slice(0, 10);
  return isGiven ? `${range} is full on ${date}: ${source}` : `${range} is not full before ${date}: ${source}`;
}

function reportChange({ print, style }: Terminal, { outside, unprotected, slices }: RangeChange): void {
  const list = (title: string, some: readonly LiveAddress[]) => {
    if (some.length === 0) return;
    print("");
    print(style.bad(`${some.length === 1 ? "1 live address is" : `${some.length} live addresses are`} ${title}`));
    table(["ADDRESS", "POD", "POOL"], some.map(({ address, podRef, pool }) => [address, podRef || "-", pool]), style)
      .forEach(print);
  };
  list("outside of the changed ranges, in use until the pod ends:", outside);
  list(
    "in a pool that the changed network does not read, and not reserved: pods may get the same one; set " +
      "enable_overlapping_ranges before the change:",
    unprotected,
  );
  if (slices.length > 0) {
    print("");
    print(style.bad(`Slices in use keep their size until the pods of their nodes end: ${slices.length}`));
    table(["NODE", "SLICE"], slices.map(({ node, slice }) => [node, slice]), style).forEach(print);
  }
  if (outside.length + unprotected.length + slices.length === 0) {
    print("");
    print("The change affects no live address");
  }
}

function count(number: number | bigint, noun: string): string {
  return `${number} ${noun}${Number(number) === 1 ? "" : "s"}`;
}

function toJson(result: Result): unknown {
  const { name, demand, ranges, rate, change } = result;
  const forecast = forecastOf(result);
  return {
    network: name,
    pods: countOf(demand.pods),
    nodes: demand.nodes,
    fits: fits(ranges),
    ranges: ranges.map(({ range, capacity, used, needed, short, slices }) => ({
      range,
      capacity: countOf(capacity),
      used: countOf(used),
      free: countOf(freeOf({ capacity, used })),
      needed: countOf(needed),
      missing: countOf(short),
      slices: slices
        ? {
          size: `/${slices.prefix}`,
          nodesWithoutSlice: slices.withoutSlice,
          addressesPerNode: countOf(slices.perSlice),
          podsPerNode: countOf(slices.perNode),
        }
        : null,
    })),
    forecast: rate && forecast
      ? {
        perDay: rate.perDay,
        source: rate.isGiven ? "flag" : "started-pods",
        range: forecast.range,
        full: forecast.full === undefined ? null : new Date(forecast.full).toISOString(),
      }
      : null,
    change: change ?? null,
  };
}
