/**
 * How container runtimes call plugins: ADD, repeated ADDs, CHECK, DEL, DEL until it succeeds, and a pod's next sandbox on another node while
 * the DEL of the former sandbox is still in progress.
 *
 * @module
 */
import { askAgent } from "../../src/agent/client.ts";
import { type Answer, type Call, makeCall } from "../../src/call/call.ts";
import { directHost } from "../../src/cni/host.ts";
import { runPlugin } from "../../src/cni/plugin.ts";
import type { LoadDriver } from "../../src/storage/open.ts";
import type { World } from "../../src/world/world.ts";
import type { SimAgents } from "./agent.ts";
import { netnsPath, type SimNode } from "./node.ts";
import type { Process, Scheduler } from "./scheduler.ts";

/** How processes reach the store. */
export interface Reach {
  /** Loads the driver for a process. */
  readonly load: (process: Process) => LoadDriver;
  /** The World of a process, with the files by which it reaches the store. */
  readonly world: (process: Process, world: World) => World;
}

/** A network that pods attach to. */
export interface Network {
  /** CNI `name`. */
  readonly name: string;
  /** Allocation domain. */
  readonly domain: string;
  /** The `ipam` object. */
  readonly ipam: Readonly<Record<string, unknown>>;
  /** The number of addresses that it allocates, if it is alone in its domain: a call must not find it full while it is not. */
  readonly room?: number;
}

/** One attachment of one sandbox. */
export interface Sandbox {
  /** The pod. */
  readonly podRef: string;
  /** Its container id. */
  readonly containerId: string;
  /** The pod's uid, if the runtime passes one. */
  readonly uid?: string;
  /** Its node. */
  readonly node: SimNode;
  /** The network. */
  readonly network: Network;
  /** What the runtime last did with it. `live`: an ADD has succeeded, and no DEL was called since. */
  state: "new" | "live" | "dying" | "released";
  /** The addresses of the last successful ADD. */
  addresses: readonly string[];
  /** Calls in progress. */
  running: number;
  /** Whether a newer sandbox has taken its addresses over: an ADD that is still in progress is not repeated. */
  readonly superseded?: boolean;
}

/** The answer to a call. Undefined: the process was killed. */
export type Outcome = Answer | undefined;

/** Share of the attachments that have ended that a runtime still lists. */
const LISTED = 0.3;

let calls = 0;

/** Calls the plugin in a new process: through the node's agent if it serves, else directly. */
export function callPlugin(
  reach: Reach,
  agents: SimAgents,
  sandbox: Sandbox,
  verb: "ADD" | "DEL" | "CHECK",
): { readonly process: Process; readonly outcome: Promise<Outcome> } {
  const process: Process = {
    name: `${verb}#${++calls} ${sandbox.podRef} ${sandbox.containerId} on ${sandbox.node.name}`,
    alive: true,
    reaches: () => !sandbox.node.cut,
    unrecorded: () => verb === "DEL" && sandbox.addresses.length === 0 ? rangesOf(sandbox.network) : 0,
    spared: () => verb === "ADD" && sandbox.superseded === true,
  };
  const [namespace, name] = sandbox.podRef.split("/");
  const env = {
    CNI_COMMAND: verb,
    CNI_CONTAINERID: sandbox.containerId,
    CNI_IFNAME: "net1",
    CNI_NETNS: netnsPath(sandbox.containerId),
    CNI_PATH: "/opt/cni/bin",
    CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=${namespace};K8S_POD_NAME=${name}${
      sandbox.uid ? `;K8S_POD_UID=${sandbox.uid}` : ""
    }`,
  };
  const previous = { cniVersion: "1.0.0", ips: sandbox.addresses.map((address) => ({ address })) };
  const conf = {
    cniVersion: "1.0.0",
    name: sandbox.network.name,
    ipam: sandbox.network.ipam,
    ...(verb === "CHECK" && { prevResult: previous }),
  };
  return { process, outcome: runIn(reach, agents, process, sandbox.node, makeCall(env, JSON.stringify(conf))) };
}

/**
 * Calls GC for a network on a node, with the attachments that its runtime lists as valid.
 *
 * The list has every attachment that is not to be released. It may still have some whose sandboxes have ended.
 */
function callGc(
  reach: Reach,
  agents: SimAgents,
  node: SimNode,
  network: Network,
  valid: readonly Sandbox[],
): { readonly process: Process; readonly outcome: Promise<Outcome> } {
  const process: Process = { name: `GC#${++calls} on ${node.name}`, alive: true, reaches: () => !node.cut };
  const conf = {
    cniVersion: "1.1.0",
    name: network.name,
    ipam: network.ipam,
    "cni.dev/valid-attachments": valid.map(({ containerId }) => ({ containerID: containerId, ifname: "net1" })),
  };
  const call = makeCall({ CNI_COMMAND: "GC", CNI_PATH: "/opt/cni/bin" }, JSON.stringify(conf));
  return { process, outcome: runIn(reach, agents, process, node, call) };
}

/** Runs a call in a process of a node. */
function runIn(reach: Reach, agents: SimAgents, process: Process, node: SimNode, call: Call): Promise<Outcome> {
  const { promise: killed, resolve: kill } = Promise.withResolvers<undefined>();
  process.onKill = () => {
    node.dropLocks(process);
    kill(undefined);
  };
  const world = { ...reach.world(process, node.world(process)), exchange: agents.exchange(node, process) };
  const host = directHost(world, reach.load(process));
  const answered = async () => {
    const answer = await askAgent(world, call);
    return answer || process.spared?.() ? answer : await ifAlive();
  };
  const ifAlive = () => process.alive ? runPlugin(call, host) : new Promise<never>(() => {});
  return Promise.race([answered(), killed]);
}

/** What GC of a node needs. */
interface Collection {
  readonly scheduler: Scheduler;
  readonly reach: Reach;
  readonly agents: SimAgents;
  /** Every sandbox. */
  readonly sandboxes: readonly Sandbox[];
  /** Whether nothing uses the addresses of a sandbox, though DEL has not released it. */
  readonly hasEnded: (sandbox: Sandbox) => boolean;
}

/**
 * The runtime of a node calls GC for a network, with all attachments that are to stay, and perhaps some that have ended. It waits until no call
 * for the node is in progress, and starts none before GC has ended.
 *
 * @returns undefined: a call is in progress
 */
export function collectGarbage(
  { scheduler, reach, agents, sandboxes, hasEnded }: Collection,
  node: SimNode,
  network: Network,
): { readonly process: Process; readonly ended: Promise<void> } | undefined {
  const own = sandboxes.filter((one) => one.node === node);
  if (own.some(({ running }) => running > 0)) return undefined;
  const valid = own.filter((one) => one.network.name === network.name)
    .filter((one) => (one.state !== "released" && !hasEnded(one)) || scheduler.chance(LISTED));
  const { process, outcome } = callGc(reach, agents, node, network, valid);
  scheduler.note(`${process.name} starts for ${network.name}: ${valid.map(({ containerId }) => containerId)}`);
  const ended = outcome.then((answer) => {
    const how = answer ? (answer.exitCode === 0 ? "success" : answer.stdout.replace(/\s+/g, " ")) : "killed";
    scheduler.note(`${process.name} ends: ${how}`);
  });
  return { process, ended };
}

/** The number of addresses that an attachment to a network gets. */
function rangesOf({ ipam: { range, ipRanges } }: Network): number {
  return (range === undefined ? 0 : 1) + (Array.isArray(ipRanges) ? ipRanges.length : 0);
}

/** The addresses of an answer to ADD. */
export function addressesOf({ stdout }: Answer): string[] {
  return JSON.parse(stdout).ips.map(({ address }: { address: string }) => address);
}
