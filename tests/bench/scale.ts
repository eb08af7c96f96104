// deno-lint-ignore-file no-console -- a bench prints its table
/**
 * The bench of size: the controller and the commands with ten thousand entries, and with a hundred thousand in the same layout, by one program
 * in one run. Pools of /24 with 250 entries each; for each entry a pod and a reservation; a node for 20 pods.
 *
 * `deno task bench:scale [--entries 10000,100000] [--plugin PATH] [--rest SECONDS] [--parts WORDS] [--json]`.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { binary } from "../support/binary.ts";
import { ControlPlane, type Kube, namespaceOf } from "../support/kube.ts";
import { Objects } from "../support/objects.ts";
import { eventually } from "../support/process.ts";
import { FaultProxy } from "../support/proxy.ts";
import { childrenCpu } from "./measure.ts";
import { LIMIT, memoryOf, Running } from "./running.ts";
import { addressOf, PER_NODE, PER_POOL, podOf, store } from "./stored.ts";

const { values } = parseArgs({
  options: {
    entries: { type: "string", default: "10000,100000" },
    plugin: { type: "string" },
    rest: { type: "string", default: "120" },
    parts: { type: "string", default: "controller,rest,check,show,pool,address,pod" },
    json: { type: "boolean", default: false },
  },
});
const sizes = values.entries.split(",").map((text) => Math.ceil(Number(text) / PER_POOL) * PER_POOL);
const parts = values.parts.split(",");
/** Seconds over which the requests of an idle controller are counted. */
const rest = Number(values.rest);
/** Runs of a command, of which the median counts. */
const RUNS = 3;

/** A measurement at one size. `ratio`: the limit of its ratio to the first size; `aim`: of its value. */
interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly ratio?: number;
  readonly aim?: number;
}

const say = (text: string) => console.error(`bench: ${text}`);

async function main(): Promise<void> {
  say("compiling");
  const path = values.plugin ?? await binary();
  await using plane = await ControlPlane.start();
  const kube = await namespaceOf(plane.facts);
  using objects = new Objects(kube);
  await objects.installAttachments();
  const columns: (readonly Figure[])[] = [];
  let stored = 0;
  for (const size of sizes) {
    say(`${size} entries in ${size / PER_POOL} pools, ${size} pods on ${size / PER_NODE} nodes`);
    const begun = performance.now();
    await store(plane.etcd, kube.namespace, stored, size);
    stored = size;
    await eventually("the API server has them", () => isServed(kube, size), LIMIT);
    say(`stored in ${((performance.now() - begun) / 1_000).toFixed(0)} s`);
    columns.push(await measureAll(path, kube, size));
  }
  if (values.json) console.log(JSON.stringify(Object.fromEntries(sizes.map((size, i) => [size, columns[i]]))));
  else print(columns);
}

async function isServed(kube: Kube, size: number): Promise<boolean> {
  return (await kube.kubectl("get", "pod", podOf(size - 1), "-o", "name").catch(() => "")) !== "";
}

async function measureAll(path: string, kube: Kube, size: number): Promise<Figure[]> {
  const with_ = ["--kubeconfig", kube.kubeconfig];
  const commands: readonly (readonly [name: string, what: string, args: readonly string[], ratio: number])[] = [
    ["check", "check", ["check", ...with_], 12],
    ["show", "show", ["show", ...with_], 12],
    ["pool", "show of one pool", ["show", "10.0.0.0/24", ...with_], 12],
    ["address", "who-has ADDRESS", ["who-has", addressOf(size - 1), ...with_], 2],
    ["pod", "who-has POD", ["who-has", `pod:${kube.namespace}/${podOf(size - 1)}`, ...with_], 12],
  ];
  const figures: Figure[] = [];
  const add = (found: readonly Figure[]) => {
    for (const { what, value, unit } of found) say(`${what}: ${value.toFixed(2)} ${unit}`); // a later part may fail
    figures.push(...found);
  };
  if (parts.includes("controller")) add(await controlled(path, kube));
  if (parts.includes("rest")) add(await atRest(path, kube));
  for (const [name, what, args, ratio] of commands) {
    if (parts.includes(name)) add(await timed(what, [path, ...args], ratio));
  }
  return figures;
}

async function controlled(path: string, kube: Kube): Promise<Figure[]> {
  say("controller");
  await using controller = new Running(path, kube.kubeconfig, `${kube.folder}/controller.log`);
  await controller.synced();
  const sync = (performance.now() - controller.begun) / 1_000;
  const sweep = await controller.swept(1);
  const cpu = controller.cpu();
  const { now, most } = controller.memory();
  return [
    { what: "controller: first sync", value: sync, unit: "s", ratio: 12 },
    { what: "controller: sweep", value: sweep, unit: "s", ratio: 12 },
    { what: "controller: processor time of both", value: cpu, unit: "s" },
    { what: "controller: memory after a sweep", value: now, unit: "MB", aim: 400 },
    { what: "controller: memory, peak", value: most, unit: "MB", aim: 400 },
  ];
}

async function atRest(path: string, kube: Kube): Promise<Figure[]> {
  say(`${rest} s at rest`);
  await using proxy = await FaultProxy.start(kube);
  proxy.remembers = false;
  await using controller = new Running(path, await proxy.kubeconfig(), `${kube.folder}/resting.log`);
  await controller.synced();
  await controller.swept(1);
  await settled(proxy);
  const before = proxy.requests.length;
  await new Promise((resolve) => setTimeout(resolve, rest * 1_000)); // requests are counted over this time
  const during = proxy.requests.slice(before);
  const counts = [...Map.groupBy(during, (one) => one)].map(([what, { length }]) => `${what} ${length}`);
  say(counts.join(", "));
  return [
    { what: "controller: requests a minute at rest", value: during.length * 60 / rest, unit: "" },
    { what: "controller: memory at rest", value: controller.memory().now, unit: "MB", aim: 400 },
  ];
}

/** Waits until the status of every pool is written: no pool was patched for some seconds. */
async function settled({ requests }: FaultProxy): Promise<void> {
  let seen = -1;
  let since = performance.now();
  await eventually("the status of the pools is written", () => {
    const patches = requests.filter((one) => one === "PATCH ippools").length;
    if (patches !== seen) since = performance.now();
    seen = patches;
    return Promise.resolve(performance.now() - since > 10_000);
  }, LIMIT);
}

/** The median time of a command, and its peak of memory. */
async function timed(what: string, command: readonly string[], ratio: number): Promise<Figure[]> {
  say(what);
  const runs = [];
  for (let i = 0; i < RUNS; i++) runs.push(await once(command));
  const median = runs.toSorted((a, b) => a.time - b.time)[RUNS >> 1];
  if (!median) return [];
  return [
    { what, value: median.time, unit: "s", ratio },
    { what: `${what}: processor time`, value: median.cpu, unit: "s" },
    { what: `${what}: memory, peak`, value: median.memory, unit: "MB" },
  ];
}

async function once(
  [program = "", ...args]: readonly string[],
): Promise<{ time: number; cpu: number; memory: number }> {
  const before = childrenCpu();
  const begun = performance.now();
  const child = new Deno.Command(program, { args, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
  let memory = 0;
  const sample = () => {
    try {
      memory = Math.max(memory, memoryOf(child.pid).most || 0); // one that has just ended has none
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  };
  const sampling = setInterval(sample, 20);
  const { code, stdout, stderr } = await child.output();
  clearInterval(sampling);
  const time = (performance.now() - begun) / 1_000;
  const text = new TextDecoder();
  if (code !== 0) {
    throw new Error(`${args[0]} ended with ${code}: ${text.decode(stdout).slice(-1000)}${text.decode(stderr)}`);
  }
  return { time, cpu: (childrenCpu() - before) / 1_000, memory };
}

function print(columns: readonly (readonly Figure[])[]): void {
  const [first = []] = columns;
  const heading = sizes.map((size) => String(size).padStart(10)).join("");
  console.log(`${"".padEnd(40)}${heading}     ${columns.length > 1 ? "     ratio" : ""}`);
  for (const [i, { what, unit, ratio, aim, value: least }] of first.entries()) {
    const found = columns.map((column) => column[i]?.value ?? Number.NaN);
    const times = columns.length > 1 ? `${((found.at(-1) ?? NaN) / least).toFixed(1)} x`.padStart(10) : "";
    const aims = [ratio && columns.length > 1 ? `aim <= ${ratio} x` : "", aim ? `aim < ${aim} ${unit}` : ""];
    const cells = found.map((value) => value.toFixed(2).padStart(10)).join("");
    console.log(`${what.padEnd(40)}${cells} ${unit.padEnd(4)}${times}  ${aims.join("")}`.trimEnd());
  }
}

await main();
