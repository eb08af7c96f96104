// deno-lint-ignore-file no-console -- a bench prints its table
/**
 * Many agents, one API server: pods start and stop on a hundred nodes that allocate from one network; then the same with an outage of the
 * API server.
 *
 * `deno task bench:agents [--agents N] [--pods N] [--width N] [--live N] [--outage SECONDS] [--variant NAME …] [--json]`. The agents are the
 * product's code in one program ({@linkcode Fleet}), so its one thread, the API server and etcd share the machine: compare the variants of one
 * run. An outage of 0 seconds is skipped.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { ControlPlane, type Kube, kubeconfigOf, namespaceOf } from "../support/kube.ts";
import { markdownTable } from "../support/markdown.ts";
import { eventually } from "../support/process.ts";
import { churn, type Churned, NETWORK } from "./churn.ts";
import { Fleet } from "./fleet.ts";
import { secondsFrom, type Seen, seenBy } from "./seen.ts";

const { values } = parseArgs({
  options: {
    agents: { type: "string", default: "100" },
    pods: { type: "string", default: "10000" },
    width: { type: "string", default: "4" },
    live: { type: "string", default: "20" },
    outage: { type: "string", default: "60" },
    variant: { type: "string", multiple: true, default: [] },
    json: { type: "boolean", default: false },
  },
});

/** Settings of the network, by name of the variant. The last one is that of the outage. */
const VARIANTS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "one pool": {},
  "one pool, no reservations": { enable_overlapping_ranges: false },
  "a pool per node, no reservations": { node_slice_size: "/24", enable_overlapping_ranges: false },
  "a pool per node": { node_slice_size: "/24" },
  "blocks of /24": { block_size: "/24" },
  "blocks of /24, spread": { block_size: "/24", block_order: "spread" },
};
const RANGE = "10.0.0.0/16";
/** Max milliseconds until the pending releases of all agents are done: their rounds are up to 30 s apart. */
const SETTLE_LIMIT = 300_000;

/** The result of a variant. */
interface Row {
  readonly variant: string;
  readonly churned: Churned;
  readonly seen: Seen;
  /** Entries and reservations that remained. */
  readonly left: number;
}

/** The outage of a run. */
interface Outage {
  /** When the API server was ended, in milliseconds since 1970. */
  readonly from: number;
  /** When it was ready again, in milliseconds since 1970. */
  readonly until: number;
  /** The same on the clock of the calls. */
  readonly untilMonotonic: number;
  /** When no release was pending any more, in milliseconds since 1970. */
  readonly released: number;
}

const say = (text: string) => console.error(`bench: ${text}`);

async function main(): Promise<void> {
  const chosen = values.variant.length > 0 ? values.variant : Object.keys(VARIANTS);
  const rows: Row[] = [];
  for (const variant of chosen) rows.push((await measured(variant, 0)).row);
  const seconds = Number(values.outage);
  const through = seconds > 0 ? await measured(chosen.at(-1) ?? "", seconds) : undefined;
  if (values.json) return console.log(JSON.stringify({ rows, through }));
  console.log(markdownTable([HEAD, ...rows.map(cells)]));
  if (through) { for (const line of outageLines(through.row, through.outage)) console.log(line); }
  const failed = rows.some(({ churned, left }) => churned.failed + churned.lost + churned.duplicates + left > 0);
  const lost = through && through.row.churned.lost + through.row.churned.duplicates + through.row.left > 0;
  if (failed || lost) Deno.exit(1);
}

/** Runs a variant on an API server of its own. `seconds`: how long the server is away in the middle of it. */
async function measured(variant: string, seconds: number): Promise<{ row: Row; outage?: Outage }> {
  const settings = VARIANTS[variant];
  if (!settings) throw new RangeError(`--variant "${variant}": expected one of ${Object.keys(VARIANTS).join(", ")}`);
  say(seconds > 0 ? `${variant}, with ${seconds} s of outage` : variant);
  await using plane = await ControlPlane.start();
  const kube = await namespaceOf(plane.facts);
  const kubeconfig = await asServiceAccount(kube);
  await using fleet = new Fleet(Number(values.agents));
  if ("node_slice_size" in settings) await assignSlices(kube, fleet);
  const ipam = { kubernetes: { kubeconfig }, range: RANGE, ...settings };
  const [pods, width, live] = [values.pods, values.width, values.live].map(Number) as [number, number, number];
  await churn(fleet, { ipam, pods: fleet.nodes.length, width: 1, live: 0 }); // opens the connections
  const before = await seenBy(kube);
  let outage: Promise<Outage> | undefined;
  const onAdded = (count: number) => {
    if (seconds > 0 && count >= pods / 3) outage ??= interrupt(plane, fleet, seconds);
  };
  const churned = await churn(fleet, { ipam, pods, width, live, onAdded });
  const over = await outage;
  await released(fleet);
  const seen = await seenBy(kube);
  const row = { variant, churned, seen: without(seen, before), left: await leftIn(kube) };
  if (churned.failure !== undefined) say(`${churned.failed} calls failed, the first with ${churned.failure}`);
  return { row, ...(over && { outage: over }) };
}

/** Waits until no agent has a pending release. */
async function released(fleet: Fleet): Promise<void> {
  const isDone = () => Promise.resolve(fleet.metric("whereabouts_agent_releases_pending") === 0);
  await eventually("the agents have released every address", isDone, SETTLE_LIMIT);
}

/** Ends the API server, and starts it again. */
async function interrupt(plane: ControlPlane, fleet: Fleet, seconds: number): Promise<Outage> {
  const from = Date.now();
  await plane.stopApiServer();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  await plane.startApiServer();
  const [until, untilMonotonic] = [Date.now(), performance.now()];
  await released(fleet);
  return { from, until, untilMonotonic, released: Date.now() };
}

/**
 * A kubeconfig of a service account of `kube-system`, as the DaemonSet has. The API server's priority and fairness exempts the administrator,
 * and serves such accounts from the level `workload-high`.
 */
async function asServiceAccount(kube: Kube): Promise<string> {
  const account = ["--namespace=kube-system", "whereabouts"];
  await kube.kubectl("create", "serviceaccount", ...account);
  await kube.kubectl(
    "create",
    "clusterrolebinding",
    "whereabouts-bench",
    "--clusterrole=cluster-admin",
    "--serviceaccount=kube-system:whereabouts",
  );
  const token = (await kube.kubectl("create", "token", ...account)).trim();
  const path = `${kube.kubeconfig}.account`;
  await Deno.writeTextFile(path, JSON.stringify(kubeconfigOf(kube, { token }, kube.namespace)));
  return path;
}

/** Gives each node a slice, as the controller does. The object has the name of the network. */
async function assignSlices(kube: Kube, { nodes }: Fleet): Promise<void> {
  const allocations = nodes.map(({ name }, i) => ({ nodeName: name, sliceRange: `10.0.${i}.0/24` }));
  const object = {
    apiVersion: "whereabouts.cni.cncf.io/v1alpha1",
    kind: "NodeSlicePool",
    metadata: { name: NETWORK, namespace: kube.namespace },
    spec: { range: RANGE, sliceSize: "/24" },
    status: { allocations },
  };
  const path = `${kube.kubeconfig}.slices`;
  await Deno.writeTextFile(path, JSON.stringify(object));
  await kube.kubectl("create", "-f", path);
}

function without(seen: Seen, before: Seen): Seen {
  return {
    ...seen,
    requests: seen.requests - before.requests,
    conflicts: seen.conflicts - before.conflicts,
    shed: seen.shed - before.shed,
  };
}

/** Entries of pools, and reservations, after every pod has gone. */
async function leftIn(kube: Kube): Promise<number> {
  const { items } = JSON.parse(await kube.kubectl("get", "ippools,overlappingrangeipreservations", "-o", "json"));
  const count = ({ kind, spec }: { kind: string; spec: { allocations?: object } }) =>
    kind === "IPPool" ? Object.keys(spec.allocations ?? {}).length : 1;
  return items.map(count).reduce((sum: number, one: number) => sum + one, 0);
}

const HEAD = [
  "Network",
  "Addresses/s",
  "Requests per address",
  "Conflicts per address",
  "Refused for load",
  "ADD p50 ms",
  "ADD p99 ms",
  "DEL p50 ms",
  "DEL p99 ms",
  "Failures",
  "Duplicates",
  "Left over",
];

function cells({ variant, churned, seen, left }: Row): string[] {
  const { adds, dels, elapsed, failed, lost, duplicates } = churned;
  return [
    variant,
    (adds.length / elapsed * 1_000).toFixed(0),
    (seen.requests / adds.length).toFixed(2),
    (seen.conflicts / adds.length).toFixed(2),
    `${seen.shed}`,
    at(adds, 0.5),
    at(adds, 0.99),
    at(dels, 0.5),
    at(dels, 0.99),
    `${failed + lost}`,
    `${duplicates}`,
    `${left}`,
  ];
}

function at(times: readonly number[], share: number): string {
  return (times[Math.ceil(times.length * share) - 1] ?? Number.NaN).toFixed(0);
}

/** Seconds after an outage that are printed one by one. */
const SHOWN = 20;

function outageLines({ churned, seen, left }: Row, outage: Outage | undefined): string[] {
  if (!outage) return ["The pods were done before the outage began: raise --pods"];
  const { from, until, untilMonotonic, released } = outage;
  const waiting = churned.served.filter(({ begun, at }) => begun < untilMonotonic && at > untilMonotonic);
  const served = (Math.max(...waiting.map(({ at }) => at)) - untilMonotonic) / 1_000;
  const calm = secondsFrom(seen, from - 11_000, 10);
  const after = secondsFrom(seen, until - 5_000, SHOWN + 5); // the server answers before it reports to be ready
  const mean = calm.reduce((sum, one) => sum + one, 0) / calm.length;
  return [
    `Outage of ${
      ((until - from) / 1_000).toFixed(0)
    } s: ${waiting.length} pods waited for an address, the last got it ${
      served.toFixed(1)
    } s after the server was ready; every release was done after ${((released - until) / 1_000).toFixed(1)} s.`,
    `Requests a second in the 10 s before it: ${mean.toFixed(0)}, at most ${Math.max(...calm)}.`,
    `Requests a second from 5 s before the server was ready: ${after.join(" ")}; at most ${
      Math.max(...after)
    }. Refused for load: ${seen.shed}.`,
    `Calls that failed meanwhile: ${churned.failed}. Pods without an address: ${churned.lost}, duplicates: ${churned.duplicates}, ` +
    `left over: ${left}.`,
  ];
}

await main();
