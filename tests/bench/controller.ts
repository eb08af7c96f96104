// deno-lint-ignore-file no-console -- a bench prints its table
/**
 * The controller's bench: the compiled binary as a process, with a real API server that stores a large cluster.
 *
 * `deno task bench:controller [--pods N] [--pools N] [--nodes N] [--plugin PATH] [--json]`.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { binary } from "../support/binary.ts";
import { ControlPlane, type Kube, namespaceOf } from "../support/kube.ts";
import { Objects } from "../support/objects.ts";
import { eventually, run } from "../support/process.ts";
import { FaultProxy } from "../support/proxy.ts";
import { planSliceWork } from "../../src/controllers/slice_work.ts";
import { network } from "../controllers/lab.ts";
import { Crowd } from "./crowd.ts";
import { LIMIT, Running } from "./running.ts";

const { values } = parseArgs({
  options: {
    pods: { type: "string", default: "10000" },
    pools: { type: "string", default: "20" },
    nodes: { type: "string", default: "500" },
    plugin: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
const size = { pods: Number(values.pods), pools: Number(values.pools) };
const nodes = Array.from({ length: Number(values.nodes) }, (_, i) => `bench-node-${i}`);
const joining = Array.from({ length: 10 }, (_, i) => `bench-late-${i}`);
/** Seconds over which the requests of an idle controller are counted. */
const REST = 60;
const SLICES = ["fast", "fast6"];

interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly aim?: number;
}

const say = (text: string) => console.error(`bench: ${text}`);
const seconds = (since: number) => (performance.now() - since) / 1_000;

/** Seconds from the end of the work until the check succeeds. */
async function until(what: string, work: Promise<void>, check: () => Promise<boolean>): Promise<number> {
  await work;
  const since = performance.now();
  await eventually(what, check, LIMIT);
  return seconds(since);
}

async function main(): Promise<void> {
  say("compiling");
  const path = values.plugin ?? await binary();
  await using plane = await ControlPlane.start();
  const kube = await namespaceOf(plane.facts);
  using objects = new Objects(kube);
  using crowd = new Crowd(kube);
  await objects.installAttachments();
  say(`${size.pods} pods, ${nodes.length} nodes`);
  await crowd.settle(size);
  await crowd.join(nodes);
  for (const [name, range, prefix] of [["fast", "172.16.0.0/12", "/24"], ["fast6", "fd00::/48", "/64"]] as const) {
    const ipam = { type: "whereabouts", range, node_slice_size: prefix };
    await objects.attachment(name, { cniVersion: "1.0.0", name, type: "macvlan", ipam });
  }
  const figures = [
    await planned(),
    ...await working(path, kube, objects, crowd),
    ...await atRest(path, kube),
    ...await checked(path, kube),
  ];
  if (values.json) console.log(JSON.stringify(figures));
  else {
    for (const { what, value, unit, aim } of figures) {
      console.log(`${what.padEnd(44)} ${value.toFixed(2).padStart(9)} ${unit.padEnd(3)}${aim ? `  aim < ${aim}` : ""}`);
    }
  }
}

/** The ratio of the times of slice plans for 15,000 and for 5,000 nodes. */
async function planned(): Promise<Figure> {
  say("plans of slices");
  const ipam = { range: "10.0.0.0/8", node_slice_size: "/24" };
  const networks = [await network("storage", ipam)];
  const plan = (count: number): number => {
    const nodes = Array.from({ length: count }, (_, i) => ({ name: `node-${i}` }));
    const first = planSliceWork({ networks, nodes, stored: [], pools: [] });
    const kept = { created: "", managed: true, collected: false, version: "1" };
    const stored = first.steps.flatMap(({ save }) => save).map(([{ owner: _, ...list }]) => ({ ...list, ...kept }));
    const since = performance.now();
    planSliceWork({ networks, nodes: nodes.slice(1), stored, pools: [] });
    return performance.now() - since;
  };
  plan(5_000); // warm
  const [few, many] = [5_000, 15_000].map((count) => Math.min(...[1, 2, 3].map(() => plan(count))));
  return { what: "plan of 15,000 nodes, times that of 5,000", value: (many ?? 0) / (few ?? 1), unit: "x", aim: 4 };
}

/** Start, sweep, slices, and deleted pods. */
async function working(path: string, kube: Kube, objects: Objects, crowd: Crowd): Promise<Figure[]> {
  const log = `${kube.folder}/controller.log`;
  await using controller = new Running(path, kube.kubeconfig, log, "--interval", "30s", "--grace", "5");
  say("first sync");
  await controller.synced();
  const sync = seconds(controller.begun);
  const assigned = async (wanted: readonly string[]) => {
    for (const pool of SLICES) {
      const have = new Set((await objects.slices(pool)).map((one) => one.split(" ")[1]));
      if (!wanted.every((node) => have.has(node))) return false;
    }
    return true;
  };
  await eventually("every node has its slices", () => assigned(nodes), LIMIT);
  const slices = seconds(controller.begun);
  const sweep = await controller.swept(1);
  say("nodes leave and join");
  await crowd.leave(nodes.slice(0, 10));
  const change = await until("those that joined have slices", crowd.join(joining), () => assigned(joining));
  const one = await until("it has slices", crowd.join(["bench-last"]), () => assigned(["bench-last"]));
  say("pods go");
  const freed = async (count: number) =>
    await controller.value('whereabouts_freed_total{what="entry",reason="pod_is_gone"}') === count;
  const single = await until("its address is free", crowd.evict([1]), () => freed(1));
  const gone = Array.from({ length: Math.min(500, size.pods / 4) }, (_, i) => i * 4 + 2);
  const release = await until("their addresses are free", crowd.evict(gone), () => freed(gone.length + 1));
  await controller.swept(2);
  const { now, most } = controller.memory();
  return [
    { what: "first sync", value: sync, unit: "s", aim: 15 },
    { what: `${nodes.length} nodes have their slices, from start`, value: slices, unit: "s", aim: 20 },
    { what: "sweep without its grace period", value: sweep, unit: "s", aim: 10 },
    { what: "10 nodes removed, 10 added", value: change, unit: "s", aim: 3 },
    { what: "one node added", value: one, unit: "s", aim: 1 },
    { what: "one pod deleted", value: single, unit: "s", aim: 2 },
    { what: `${gone.length} pods deleted at the same time`, value: release, unit: "s" },
    { what: "resident memory", value: now, unit: "MB", aim: 250 },
    { what: "resident memory, peak", value: most, unit: "MB", aim: 250 },
  ];
}

/** Requests of an idle controller. */
async function atRest(path: string, kube: Kube): Promise<Figure[]> {
  say(`${REST} s at rest`);
  await using proxy = await FaultProxy.start(kube);
  await using controller = new Running(path, await proxy.kubeconfig(), `${kube.folder}/resting.log`, "--grace", "5");
  await controller.synced();
  await controller.swept(1);
  const before = proxy.requests.length;
  await new Promise((resolve) => setTimeout(resolve, REST * 1_000)); // requests are counted over this time
  const { now } = controller.memory();
  return [
    { what: "requests per second, idle", value: (proxy.requests.length - before) / REST, unit: "/s", aim: 1 },
    { what: "resident memory, idle", value: now, unit: "MB", aim: 250 },
  ];
}

async function checked(path: string, kube: Kube): Promise<Figure[]> {
  say("check");
  const begun = performance.now();
  const { code, stdout, stderr } = await run([path, "check", "--kubeconfig", kube.kubeconfig]);
  if (![0, 3].includes(code)) throw new Error(`check ended with ${code}: ${stdout}${stderr}`);
  return [{ what: `check of ${size.pods} allocations`, value: seconds(begun), unit: "s", aim: 5 }];
}

await main();
