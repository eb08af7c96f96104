// deno-lint-ignore-file no-console -- a command tells its result
/**
 * Times pods in a cluster with our plugin, with the same by `deno run`, and with the Go original, alternately, on the same nodes.
 *
 * `deno task bench:e2e [ROUNDS]`. From the moment the API server has the pods to the moment the last one is ready, and from their deletion
 * until their addresses are free.
 *
 * @module
 */
import { assets } from "../tests/support/assets.ts";
import { interpreted, unseeing } from "../tests/bench/newest.ts";
import { eventually, killNow } from "../tests/support/process.ts";
import { type Cluster, openCluster, startCluster } from "./cluster.ts";
import { emptied, network, pod, replicas } from "./objects.ts";
import { rightsOfOriginal } from "./original.ts";
import { prepareMachine } from "../tests/support/preflight.ts";

const MANY = 60;
/** Single pods of a plugin in a round. */
const SINGLE = 8;
const NODES = [1, 2];
const RANGE = "192.168.120.0/24";
const POOL = RANGE.replace("/", "-");
const NET = "bench";

/** Milliseconds. */
interface Times {
  readonly one: number[];
  readonly many: number[];
  readonly gone: number[];
}

/** When pods came, were ready, and went, as the API server tells a watcher. */
class Watch implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #done: Promise<void>;
  readonly #came = new Map<string, number>();
  readonly #ready = new Map<string, number>();

  constructor(command: readonly string[]) {
    const [program = "", ...args] = command;
    this.#child = new Deno.Command(program, { args, stdin: "null", stdout: "piped", stderr: "null" }).spawn();
    this.#done = this.#read();
  }

  async #read(): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      const now = performance.now();
      for (const [type, name = "", ready] of lines.map((line) => line.split(" "))) {
        if (!this.#came.has(name)) this.#came.set(name, now);
        if (type !== "DELETED" && ready === "True" && !this.#ready.has(name)) this.#ready.set(name, now);
      }
    }
  }

  /** Waits until so many pods whose names begin so are ready. Returns the milliseconds since the first of them came. */
  async ready(prefix: string, count: number): Promise<number> {
    const named = (times: ReadonlyMap<string, number>) =>
      [...times].filter(([name]) => name.startsWith(prefix)).map(([, at]) => at);
    await eventually(
      `${count} pods ${prefix} ready`,
      () => Promise.resolve(named(this.#ready).length >= count),
      300_000,
    );
    return Math.max(...named(this.#ready)) - Math.min(...named(this.#came));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    killNow(this.#child);
    await this.#done;
    await this.#child.status;
  }
}

/** One pod. */
async function one({ kubectl, apply }: Cluster, watch: Watch, name: string, node: number): Promise<number> {
  await apply(pod(name, NET, `node${node}`));
  const time = await watch.ready(name, 1);
  await kubectl("delete", "pod", name, "--timeout=90s");
  return time;
}

/** Many pods, until they are ready, and until they are gone with their addresses. */
async function many(cluster: Cluster, watch: Watch, name: string): Promise<readonly [ready: number, gone: number]> {
  await cluster.apply(replicas("ReplicaSet", name, NET, MANY));
  const time = await watch.ready(name, MANY);
  const start = performance.now();
  await cluster.kubectl("delete", "replicaset", name, "--cascade=foreground", "--timeout=300s");
  await emptied(cluster, POOL);
  return [time, performance.now() - start];
}

function median(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  return ((sorted[Math.floor(sorted.length / 2)] ?? NaN) / 1000).toFixed(2);
}

/** Copies of the plugins beside the nodes' folders, from where they are linked: that takes no time and moves no data. */
async function keepPlugins(state: string): Promise<Readonly<Record<string, string>>> {
  const newest = await interpreted(await unseeing(`${state}/newest`));
  const plugins = { ours: `${state}/ours`, [newest.name]: newest.path, original: `${state}/original` };
  await Deno.copyFile(`${state}/node1/opt/cni/bin/whereabouts`, plugins.ours);
  await Deno.copyFile(`${await assets("original")}/whereabouts-original`, plugins.original);
  return plugins;
}

async function put(state: string, plugin: string): Promise<void> {
  for (const node of NODES) {
    const place = `${state}/node${node}/opt/cni/bin/whereabouts`;
    await Deno.remove(place);
    await Deno.link(plugin, place);
  }
}

async function main(rounds: number): Promise<void> {
  await prepareMachine("e2e");
  await using running = await startCluster();
  const { state } = running;
  const cluster = await openCluster(state);
  await cluster.apply(...rightsOfOriginal(), network(NET, { range: RANGE }));
  const events = ["get", "pods", "--watch", "--output-watch-events", "-l", `app=${NET}`];
  const columns = '{.type} {.object.metadata.name} {.object.status.conditions[?(@.type=="Ready")].status}{"\\n"}';
  await using watch = new Watch(cluster.command(...events, "-o", `jsonpath=${columns}`));
  const plugins = Object.entries(await keepPlugins(state));
  const results: Readonly<Record<string, Times>> = Object.fromEntries(
    plugins.map(([name]) => [name, { one: [], many: [], gone: [] }]),
  );
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < SINGLE; turn++) {
      const node = NODES[turn % NODES.length] ?? 1;
      // the first one on the other node is slower by some 10 ms, so each is it in its turn
      const first = turn % plugins.length;
      for (const [i, [name, program]] of [...plugins.slice(first), ...plugins.slice(0, first)].entries()) {
        await put(state, program);
        results[name]?.one.push(await one(cluster, watch, `p${round}-one-${turn}-${i}`, node));
      }
    }
    await emptied(cluster, POOL);
    // who was first is second the next time
    const order = round % 2 === 0 ? plugins : plugins.toReversed();
    for (const [i, [name, program]] of order.entries()) {
      await put(state, program);
      const [ready, gone] = await many(cluster, watch, `p${round}-many-${i}`);
      results[name]?.many.push(ready);
      results[name]?.gone.push(gone);
    }
    const whole = JSON.stringify(results, (_, value) => typeof value === "number" ? Math.round(value) : value);
    console.error(`round ${round + 1} of ${rounds}, milliseconds: ${whole}`);
  }
  console.log(`median of ${rounds} rounds, seconds      one pod   ${MANY} pods   ${MANY} gone`);
  for (const [name, { one, many, gone }] of Object.entries(results)) {
    console.log([name.padEnd(34), ...[one, many, gone].map((all) => median(all).padStart(9))].join(" "));
  }
}

if (import.meta.main) await main(Number(Deno.args[0] ?? 3));
