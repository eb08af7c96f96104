// deno-lint-ignore-file no-console -- a command tells its result
/**
 * Times pods in a cluster with our plugin and with the Go original, by turns, on the same nodes.
 *
 * `deno task bench:e2e [ROUNDS]`. From the moment the API server has the pods to the moment the last one is ready, and from their deletion
 * until their addresses are free.
 *
 * @module
 */
import { eventually } from "../tests/support/process.ts";
import { type Cluster, openCluster, startCluster } from "./cluster.ts";
import { allocations, network, pod, replicas } from "./objects.ts";
import { putPlugin, rightsOfOriginal, useOriginal } from "./original.ts";
import { checkMachine } from "./run.ts";

const MANY = 60;
/** Single pods a round. */
const SINGLE = 5;
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
    this.#child.kill("SIGKILL");
    await this.#done;
    await this.#child.status;
  }
}

/** One round of one plugin. */
async function round(cluster: Cluster, watch: Watch, name: string, times: Times): Promise<void> {
  const { kubectl } = cluster;
  for (let i = 0; i < SINGLE; i++) {
    const one = `${name}-one-${i}`;
    await cluster.apply(pod(one, NET, `node${1 + i % NODES.length}`));
    times.one.push(await watch.ready(one, 1));
    await kubectl("delete", "pod", one, "--timeout=90s");
  }
  await emptied(cluster);
  await cluster.apply(replicas("ReplicaSet", `${name}-many`, NET, MANY));
  times.many.push(await watch.ready(`${name}-many`, MANY));
  const start = performance.now();
  await kubectl("delete", "replicaset", `${name}-many`, "--cascade=foreground", "--timeout=300s");
  await emptied(cluster);
  times.gone.push(performance.now() - start);
}

async function emptied(cluster: Cluster): Promise<void> {
  const isEmpty = async () => Object.keys(await allocations(cluster, POOL)).length === 0;
  await eventually("addresses free", isEmpty, 120_000);
}

function median(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  return ((sorted[Math.floor(sorted.length / 2)] ?? NaN) / 1000).toFixed(2);
}

async function main(rounds: number): Promise<void> {
  await checkMachine();
  await using running = await startCluster();
  const cluster = await openCluster(running.state);
  const ours = `${running.state}/ours`;
  await Deno.copyFile(`${running.state}/node1/opt/cni/bin/whereabouts`, ours);
  await cluster.apply(...rightsOfOriginal(), network(NET, { range: RANGE }));
  const events = ["get", "pods", "--watch", "--output-watch-events", "-l", `app=${NET}`];
  const columns = '{.type} {.object.metadata.name} {.object.status.conditions[?(@.type=="Ready")].status}{"\\n"}';
  await using watch = new Watch(cluster.command(...events, "-o", `jsonpath=${columns}`));
  const plugins: Readonly<Record<string, (node: number) => Promise<void>>> = {
    ours: (node) => putPlugin(cluster, node, ours),
    original: (node) => useOriginal(cluster, node),
  };
  const results: Record<string, Times> = {};
  for (let i = 0; i < rounds; i++) {
    for (const [name, put] of Object.entries(plugins)) {
      for (const node of NODES) await put(node);
      const times = results[name] ??= { one: [], many: [], gone: [] };
      await round(cluster, watch, `${name}-${i}`, times);
      console.error(`round ${i + 1}, ${name}: ${JSON.stringify(times)}`);
    }
  }
  console.log(`median of ${rounds} rounds, seconds      one pod   ${MANY} pods   ${MANY} gone`);
  for (const [name, { one, many, gone }] of Object.entries(results)) {
    console.log([name.padEnd(34), ...[one, many, gone].map((all) => median(all).padStart(9))].join(" "));
  }
}

if (import.meta.main) await main(Number(Deno.args[0] ?? 3));
