// deno-lint-ignore-file no-console -- a bench prints its table
/**
 * What one agent can do: requests over its socket from one client program, so that no process is started for them.
 *
 * `deno run -A tests/bench/inside.ts [--plugin PATH] [--scenario calm|burst|loaded|fleet|flat …]`.
 * CPU is that of agent, API server, etcd and this program.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { AgentNode } from "../support/agent.ts";
import { binary, type Call } from "../support/binary.ts";
import { ControlPlane, type Kube, namespaceOf } from "../support/kube.ts";
import { callsOf as calls, put as putCalls, type Timed as CallTimes } from "./ask.ts";
import { seedPool } from "./seed.ts";

interface Timed extends CallTimes {
  readonly cpu?: readonly number[];
}

/** Rounds of a scenario. Agents run for weeks, and one round after a start would measure the start. */
const FLEET_ROUNDS = 9;

let folder = "";

const { values } = parseArgs({ options: { plugin: { type: "string" }, scenario: { type: "string", multiple: true } } });

async function main(): Promise<void> {
  const path = values.plugin ?? await binary();
  await using plane = await ControlPlane.start();
  const kube = await namespaceOf(plane.facts);
  folder = plane.facts.folder;
  const { scenario: wanted } = values;
  for (const [name, scenario] of Object.entries({ calm, burst, loaded, fleet, flat })) {
    if (!wanted || wanted.includes(name)) await scenario(path, kube);
  }
}

/** Sends calls to an agent, `width` at the same time, and measures the CPU time per call. */
async function put(node: AgentNode, all: readonly Call[], width: number): Promise<Timed> {
  const before = cpus(node);
  const timed = await putCalls(node, all, width);
  const cpu = cpus(node).map((ms, i) => (ms - (before[i] ?? 0)) / all.length);
  return { ...timed, cpu };
}

/** CPU time of the agent, of API server and etcd (of every control plane: run it alone), and of this program, in milliseconds. */
function cpus(node: AgentNode): number[] {
  const programs = [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter((pid) => pid > 0).map(
    (pid) => {
      try {
        return { pid, command: Deno.readTextFileSync(`/proc/${pid}/cmdline`) };
      } catch {
        return { pid, command: "" };
      }
    },
  );
  const of = (part: (command: string) => boolean) =>
    programs.filter(({ command }) => part(command)).reduce((sum, { pid }) => sum + cpuOf(pid), 0);
  return [
    of((command) => command.includes(node.socket)),
    of((command) => command.includes(`${folder}/`) && command.includes("kube-apiserver")),
    of((command) => command.includes(`${folder}/`) && command.includes("--data-dir")),
    cpuOf(Deno.pid),
  ];
}

function cpuOf(pid: number): number {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return 0;
  }
}

function say(what: string, { times, elapsed, failed, cpu = [] }: Timed, addresses: number, node?: AgentNode): void {
  const at = (share: number) => (times[Math.ceil(times.length * share) - 1] ?? Number.NaN).toFixed(1);
  const rate = (addresses / elapsed * 1000).toFixed(0);
  const memory = node ? `, ${node.memory().toFixed(0)} MB` : "";
  console.log(
    `${what}: ${rate} addresses/s, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${
      at(1)
    } ms, ${failed} failed${memory}, CPU ms a call ${cpu.map((ms) => ms.toFixed(1)).join(" ")}`,
  );
}

async function calm(path: string, kube: Kube): Promise<void> {
  await using node = new AgentNode(path);
  await node.start();
  await put(node, calls(kube, 5, "warm", ["10.10.0.0/16"]), 1);
  say("calm ADD", await put(node, calls(kube, 60, "calm", ["10.10.0.0/16"]), 1), 60, node);
  say("calm DEL", await put(node, calls(kube, 60, "calm", ["10.10.0.0/16"], "DEL"), 1), 60, node);
}

async function burst(path: string, kube: Kube): Promise<void> {
  await using node = new AgentNode(path);
  await node.start();
  const ranges = ["10.20.0.0/16", "fd20::/64"];
  await put(node, calls(kube, 5, "warm", ranges), 1);
  say("1,000 dual-stack ADDs at once", await put(node, calls(kube, 1_000, "b", ranges), 1_000), 2_000, node);
  say("1,000 dual-stack DELs at once", await put(node, calls(kube, 1_000, "b", ranges, "DEL"), 1_000), 2_000, node);
}

async function loaded(path: string, kube: Kube): Promise<void> {
  await using node = new AgentNode(path);
  await node.start();
  await seedPool(kube, "10.30.0.0/16", 5_000);
  await seedPool(kube, "10.31.0.0/16", 5_000);
  for (const range of ["10.30.0.0/16", "10.31.0.0/16"]) {
    const name = `pool of 5,000, ${range}`;
    say(name, await put(node, calls(kube, 100, `l${range}`.replace(/\D/g, "n"), [range]), 20), 100, node);
  }
}

async function fleet(path: string, kube: Kube): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const nodes = Array.from({ length: 10 }, () => stack.use(new AgentNode(path)));
  for (const node of nodes) await node.start();
  const rounds: Timed[] = [];
  for (let round = 0; round < FLEET_ROUNDS; round++) {
    const ranges = [`10.${60 + round}.0.0/16`];
    const of = (node: number, count: number, what: string) => calls(kube, count, `${what}${round}-${node}-`, ranges);
    await Promise.all(nodes.map((node, i) => put(node, of(i, 1, "warm"), 1)));
    const start = performance.now();
    const timed = await Promise.all(nodes.map((node, i) => put(node, of(i, 20, "f"), 20)));
    const times = timed.flatMap(({ times }) => times).sort((a, b) => a - b);
    const failed = timed.reduce((sum, { failed }) => sum + failed, 0);
    rounds.push({ times, elapsed: performance.now() - start, failed });
  }
  say("ten agents, 20 ADDs each at once, the first round", rounds[0] as Timed, 200);
  rounds.sort((a, b) => a.elapsed - b.elapsed);
  say(`the median of ${FLEET_ROUNDS} rounds`, rounds[Math.floor(FLEET_ROUNDS / 2)] as Timed, 200);
  say("the slowest", rounds.at(-1) as Timed, 200);
}

/** A hundred thousand requests on an embedded store, of which the agent must keep nothing. */
async function flat(path: string): Promise<void> {
  await using node = new AgentNode(path);
  const ipam = {
    type: "whereabouts",
    datastore: "embedded",
    database: `${node.folder}/db`,
    range: "10.50.0.0/16",
    log_level: "panic",
  };
  const conf = { cniVersion: "1.0.0", name: "flat", ipam };
  const call = (verb: string, i: number): Call => ({ verb, conf, containerId: `c${i}`, pod: `p${i}` });
  await node.call(call("ADD", 0)); // the agent creates no database
  await node.start();
  for (let done = 500; done <= 100_000; done += 500) {
    const pods = Array.from({ length: 250 }, (_, i) => done + i);
    await put(node, pods.map((i) => call("ADD", i)), 50);
    await put(node, pods.map((i) => call("DEL", i)), 50);
    if (done % 10_000 === 0) {
      console.log(`${done} requests: ${node.memory().toFixed(0)} MB, ${node.descriptors()} descriptors`);
    }
  }
}

await main();
