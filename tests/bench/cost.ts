/**
 * What a calm call costs the API server: its requests, and the bytes on its connections, by settings of the network.
 *
 * @module
 */
import { loadDriver } from "../../drivers/mod.ts";
import { makeCall } from "../../src/call/call.ts";
import { serveDirectly } from "../../src/cni/plugin.ts";
import { type Call, environmentOf } from "../support/binary.ts";
import { type Kube, kubeconfigOf } from "../support/kube.ts";
import { Relay } from "../support/relay.ts";
import { type Answered, Fleet, worldOf } from "./fleet.ts";
import { seedBlocks, seedPool } from "./seed.ts";

const RANGE = "10.0.0.0/16";

/** Networks of the table, with their ranges. Blocks of text are as in the document. */
const NETWORKS = {
  "one range": { range: RANGE },
  "one range, `enable_overlapping_ranges: false`": { range: RANGE, enable_overlapping_ranges: false },
  "two ranges": { ipRanges: [{ range: RANGE }, { range: "fd00::/64" }] },
  "two ranges, `enable_overlapping_ranges: false`": {
    ipRanges: [{ range: RANGE }, { range: "fd00::/64" }],
    enable_overlapping_ranges: false,
  },
  "one range, `block_size: /24`": { range: RANGE, block_size: "/24" },
  "one range, `block_size: /24`, `enable_overlapping_ranges: false`": {
    range: RANGE,
    block_size: "/24",
    enable_overlapping_ranges: false,
  },
} as const;

/** The cost of the calls for one pod. */
export interface Cost {
  /** The settings of the network. */
  readonly network: string;
  /** Whether the node's agent serves the calls. */
  readonly way: "agent" | "direct";
  /** Requests of ADD and DEL, as `get ippools`, in order. */
  readonly requests: readonly [readonly string[], readonly string[]];
  /** Bytes of ADD and DEL, both ways, TLS included; of a direct call also the handshake. */
  readonly bytes: readonly [number, number];
}

/** Measures every network in namespaces of its own, with pools of so many addresses. */
export async function costs(namespace: () => Promise<Kube>, size: number): Promise<readonly Cost[]> {
  const all: Cost[] = [];
  for (const [network, ipam] of Object.entries(NETWORKS)) {
    for (const way of ["agent", "direct"] as const) {
      const kube = await namespace();
      all.push({ network, way, ...await costOf(kube, ipam, way, size) });
    }
  }
  return all;
}

async function costOf(
  kube: Kube,
  ipam: Readonly<Record<string, unknown>>,
  way: Cost["way"],
  size: number,
): Promise<Pick<Cost, "requests" | "bytes">> {
  await using relay = new Relay(kube.url);
  const kubeconfig = `${kube.kubeconfig}.relay-${new URL(relay.url).port}`;
  const config = kubeconfigOf({ ...kube, url: relay.url }, { token: kube.token }, kube.namespace);
  await Deno.writeTextFile(kubeconfig, JSON.stringify(config));
  await using fleet = new Fleet(1);
  const [node] = fleet.nodes;
  const conf = {
    cniVersion: "1.0.0",
    name: "bench",
    ipam: { type: "whereabouts", log_level: "error", kubernetes: { kubeconfig }, ...ipam },
  };
  const send = async (verb: string, pod: string, through: Cost["way"] = way): Promise<void> => {
    const call: Call = { verb, conf, pod, containerId: pod.padStart(64, "0") };
    const { code, stdout } = await (through === "agent" && node ? node.call(call) : direct(call, fleet.folder));
    if (code !== 0) throw new Error(`${verb} of the bench failed: ${stdout}`);
  };
  const isDivided = "block_size" in ipam;
  if (isDivided) await send("ADD", "grid", "direct"); // records the grid
  if (size > 0) await (isDivided ? seedBlocks : seedPool)(kube, RANGE, size);
  await send("ADD", "first"); // creates the pool, and opens the agent's connection
  const measured = async (verb: string): Promise<readonly [readonly string[], number]> => {
    const [requests, bytes] = [(await kube.requests()).length, relay.bytes];
    await send(verb, "second");
    return [(await kube.requests()).slice(requests), relay.bytes - bytes];
  };
  const [add, del] = [await measured("ADD"), await measured("DEL")];
  return { requests: [add[0], del[0]], bytes: [add[1], del[1]] };
}

/** The plugin as a process without an agent, in this one: its connection is its own. */
async function direct(call: Call, folder: string): Promise<Answered> {
  const env = { ...environmentOf(call), WHEREABOUTS_JOURNAL: `${folder}/direct` };
  const { exitCode, stdout } = await serveDirectly(makeCall(env, JSON.stringify(call.conf)), worldOf(env), loadDriver);
  return { code: exitCode, stdout };
}

/** The headings of {@linkcode costCells}. */
export const COST_HEAD = ["Network", "Path", "ADD", "DEL", "KiB of ADD", "KiB of DEL"] as const;

/** The cells of a row: verbs of the requests, and bytes. */
export function costCells({ network, way, requests, bytes }: Cost): string[] {
  const verbs = (those: readonly string[]) =>
    `${those.length}: ${those.map((one) => METHODS[one.split(" ")[0] ?? ""]).join(", ")}`;
  return [network, way, ...requests.map(verbs), ...bytes.map((count) => (count / 1_024).toFixed(1))];
}

/** HTTP methods by the verbs of the audit log. */
const METHODS: Readonly<Record<string, string>> = {
  get: "GET",
  list: "GET",
  create: "POST",
  patch: "PATCH",
  update: "PUT",
  delete: "DELETE",
};
