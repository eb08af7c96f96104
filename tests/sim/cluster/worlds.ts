/**
 * The worlds of the simulated cluster: what is in each, and what happens in it.
 *
 * @module
 */
import type { Network } from "../runtime.ts";
import type { KubeletHabits } from "./kubelet.ts";

/** Path of the kubeconfig that every process of the simulation reads. */
export const KUBECONFIG = "/etc/cni/net.d/whereabouts.d/whereabouts.kubeconfig";

/**
 * What happens beside the steps of those that are at work, with its weight.
 *
 * - `kubelet`: a kubelet does one thing that it has to do;
 * - `create`, `delete`, `force`: pods are made and deleted, gracefully or by force;
 * - `replace`: a pod is deleted by force and made again elsewhere;
 * - `usurp`: a pod is deleted by force and made again elsewhere while its ADD is between its two writes;
 * - `cut`, `power`: a node is cut off or comes back; its machine goes off or on again;
 * - `stall`: the container runtime of a node does not answer for a while;
 * - `drain`: the pods of a node are deleted by force, then the object of the node, which is soon made again;
 * - `forbid`: controllers may not read single objects of a kind, or may again;
 * - `clock`: a node's clock is set forward or back;
 * - `backup`, `restore`: the store is copied, and set back to a copy that holds all that runs;
 * - `rewind`: the store is set back to any copy, and what runs may be missing in it;
 * - `lose`: somebody deletes a pool object;
 * - `define`: a definition that bears the CNI name of a network is made in another namespace, with another range, or is deleted;
 * - `unregister`: the object of a node is deleted while it works; soon it is made again, or the machine goes off;
 * - `agent`: an agent dies or comes back;
 * - `kill`: a process is killed;
 * - `outage`: the API server is out of reach, or is back.
 */
export type Happening =
  | "kubelet"
  | "create"
  | "delete"
  | "force"
  | "replace"
  | "usurp"
  | "cut"
  | "stall"
  | "power"
  | "forbid"
  | "clock"
  | "backup"
  | "restore"
  | "rewind"
  | "lose"
  | "define"
  | "unregister"
  | "drain"
  | "agent"
  | "kill"
  | "outage";

/** One world. */
export interface World {
  /** Nodes. */
  readonly nodes: number;
  /** How many of them have the original's plugin. */
  readonly originals?: number;
  /** Names of pods. */
  readonly pods: number;
  /** Steps until the faults end. */
  readonly steps: number;
  /** Share of them in which something happens; in the others, something that is under way goes on. Default 0.35. */
  readonly pace?: number;
  /** Networks. */
  readonly networks: readonly Network[];
  /** Share of runs with a controller. */
  readonly controlled: number;
  /** Share of nodes with an agent. */
  readonly agents: number;
  /** Whether requests fail. */
  readonly faults: boolean;
  /** Share of pods by kind; the others are plain. */
  readonly kinds?: { readonly static?: number; readonly host?: number };
  /** Share of pods whose addresses a ResourceClaim holds, also once their containers have ended. */
  readonly claims?: number;
  /**
   * Share of pods whose network-status is odd, and of those with an older kubelet. Where there are plugins of the original, theirs only: what a
   * former pod left that recorded no uid is kept while a pod of its name runs that does not report its addresses.
   */
  readonly oddStatus?: number;
  /** Grace periods of pods, in seconds. Default: short and long ones. */
  readonly graces?: readonly number[];
  /** What kubelets do by themselves. */
  readonly habits: KubeletHabits;
  /** Share of pods that attach to another network than the former pod of their name did. */
  readonly moves?: number;
  /** Share of runs with schemas of older releases, which drop what they do not know. */
  readonly pruned?: number;
  /** Entries that fit into a pool's object. Absent: all. */
  readonly room?: number;
  /** Whether every call succeeds, soon. */
  readonly prompt?: boolean;
  /** Whether pods may wait for ever for an address. */
  readonly starves?: boolean;
  /** Who brings lost entries back, where it is not the controller alone. */
  readonly mends?: "agent" | "both";
  /** What happens. */
  readonly happenings: Partial<Readonly<Record<Happening, number>>>;
}

const base = {
  type: "whereabouts",
  datastore: "kubernetes",
  kubernetes: { kubeconfig: KUBECONFIG },
  log_level: "panic",
};

function network(name: string, ipam: Record<string, unknown>): Network {
  return { name, domain: String(ipam.network_name ?? ""), ipam: { ...base, ...ipam } };
}

const wide = network("wide", { range: "10.0.0.0/28" });
const narrow = network("narrow", { range: "10.0.0.0/29", exclude: ["10.0.0.2"] });
const both = network("both", { range: "10.0.0.0/28", ipRanges: [{ range: "fd00::/125" }] });
const blue = network("blue", { range: "10.0.0.0/29", network_name: "blue" });
/** Whose name goes on as an address may begin. */
const vlan = network("vlan", { range: "fd00:77::/125", network_name: "vlan-1234" });
const small = network("small", { range: "10.0.0.0/27" });

const sliced = network("sliced", { range: "10.0.0.0/28", node_slice_size: "/29", enable_overlapping_ranges: false });
const twin = network("twin", { range: "10.0.0.0/28", node_slice_size: "/29", enable_overlapping_ranges: false });

const quiet: KubeletHabits = { restarts: 0, completes: 0, evicts: 0 };
const lively: KubeletHabits = { restarts: 0.1, completes: 0.1, evicts: 0.05 };

/** Every world, by name. */
export const WORLDS = {
  /** Two sandboxes of one pod, networks that overlap, late answers. */
  takeover: {
    ...{ nodes: 3, pods: 5, steps: 200, networks: [wide, narrow], controlled: 0, agents: 0.5, faults: true },
    moves: 0.3,
    habits: { restarts: 0.05, completes: 0, evicts: 0 },
    happenings: { kubelet: 12, create: 4, delete: 1, force: 2, usurp: 4, agent: 1, kill: 2 },
  },
  /** Everything that may fail fails, with a controller: the driver's own requests are cut, lost and late. */
  stormy: {
    ...{ nodes: 2, pods: 5, steps: 200, networks: [both, narrow, vlan], controlled: 1, agents: 0.6, faults: true },
    pruned: 0.5,
    habits: lively,
    happenings: { kubelet: 12, create: 4, delete: 2, force: 1, agent: 1, kill: 1, outage: 1 },
  },
  /** Kubelets publish what they know, when they know it, and addresses are freed by what they say. */
  kubelets: {
    ...{ nodes: 2, pods: 5, steps: 400, networks: [wide, narrow], controlled: 1, agents: 0.5, faults: false },
    ...{ kinds: { static: 0.25 }, claims: 0.3, oddStatus: 0.4, pruned: 0.3 },
    habits: { ...lively, evicts: 0.15 },
    happenings: { kubelet: 20, create: 3, delete: 2, force: 2 },
  },
  /** Pods of one name: in the network of their node, or in another network, while the former one still runs. */
  namesakes: {
    ...{ nodes: 3, pods: 3, steps: 400, networks: [wide, narrow, blue], controlled: 1, agents: 0.5, faults: false },
    ...{ kinds: { host: 0.3 }, moves: 0.6 },
    habits: { ...quiet, completes: 0.2 },
    happenings: { kubelet: 20, create: 4, delete: 1, force: 1, replace: 3 },
  },
  /** The same by schemas of older releases, which keep neither node nor uid. */
  nameless: {
    ...{ nodes: 3, pods: 2, steps: 400, networks: [wide, vlan], controlled: 1, agents: 0.5, faults: false, pace: 0.25 },
    ...{ moves: 0.7, pruned: 1, graces: [1, 60] },
    habits: quiet,
    happenings: { kubelet: 24, create: 4, delete: 6, replace: 4 },
  },
  /** Nodes are cut off and return, and machines go off and are removed. */
  cut: {
    ...{ nodes: 3, pods: 5, steps: 500, networks: [wide], controlled: 1, agents: 0.5, faults: false, pace: 0.2 },
    habits: quiet,
    happenings: { kubelet: 20, create: 4, delete: 1, force: 1.5, cut: 4, power: 0.4 },
  },
  /** Runtimes do not answer, sandboxes are released late, objects of nodes are missing, and controllers may not read everything. */
  silent: {
    ...{ nodes: 3, pods: 5, steps: 500, networks: [wide], controlled: 1, agents: 0.7, faults: false, pace: 0.2 },
    graces: [60],
    habits: { ...quiet, tarries: 0.5 },
    happenings: {
      ...{ kubelet: 20, create: 3, delete: 1, force: 3, stall: 2 },
      ...{ drain: 2, forbid: 1, agent: 1 },
    },
  },
  /** The store is set back to an older state, and counts its revisions a second time. */
  restore: {
    ...{ nodes: 2, pods: 5, steps: 400, networks: [small], controlled: 0, agents: 1, faults: false, pace: 0.5 },
    habits: quiet,
    happenings: { kubelet: 24, create: 5, delete: 4, restore: 3 },
  },
  /** Wall clocks are set, and nothing else is wrong: every call is served soon. */
  clocks: {
    ...{ nodes: 1, pods: 9, steps: 300, networks: [wide, small], controlled: 0, agents: 1, faults: false },
    ...{ pace: 0.75, prompt: true },
    habits: quiet,
    happenings: { kubelet: 30, create: 8, delete: 4, clock: 6 },
  },
  /** Objects are full: no entry fits in any more. */
  full: {
    ...{ nodes: 2, pods: 9, steps: 250, networks: [small], controlled: 0, agents: 1, faults: false, room: 4 },
    ...{ pace: 0.6, starves: true },
    habits: quiet,
    happenings: { kubelet: 20, create: 6, delete: 3 },
  },
  /** Plugins of the original on some nodes, ours on the others. */
  mixed: {
    ...{ nodes: 3, originals: 1, pods: 4, steps: 400, networks: [wide, narrow], controlled: 0.8, agents: 0.5 },
    ...{ faults: false, oddStatus: 0.6 },
    habits: quiet,
    happenings: { kubelet: 20, create: 4, delete: 1, force: 1, replace: 2, kill: 0.3 },
  },
  /** Node slices, by the plan of the controller: nodes lose them while an ADD is under way, and get others. */
  slices: {
    ...{
      nodes: 3,
      pods: 5,
      steps: 400,
      networks: [sliced, twin],
      controlled: 1,
      agents: 0.5,
      faults: false,
      starves: true,
    },
    habits: quiet,
    happenings: { kubelet: 20, create: 4, delete: 2, unregister: 4, power: 1.5, define: 0.5 },
  },
  /** Somebody deletes pools; their reservations are left, and the controller brings the entries back: one pool only may be theirs. */
  lost: {
    ...{ nodes: 2, pods: 5, steps: 250, networks: [wide, blue], controlled: 1, agents: 0, faults: false },
    habits: quiet,
    happenings: { kubelet: 16, create: 4, delete: 2, lose: 1 },
  },
  /** Somebody deletes pools, and agents bring the entries back by their journals. */
  journals: {
    ...{ nodes: 2, pods: 5, steps: 250, networks: [wide, narrow], controlled: 0, agents: 1, faults: false },
    mends: "agent",
    habits: quiet,
    happenings: { kubelet: 16, create: 4, delete: 2, lose: 1 },
  },
  /** Entries and reservations are lost on a cluster of one node, whose journal knows better. */
  rewound: {
    ...{ nodes: 1, pods: 6, steps: 250, networks: [small], controlled: 0, agents: 1, faults: false, mends: "both" },
    habits: quiet,
    happenings: { kubelet: 16, create: 5, delete: 2, backup: 2, rewind: 1, agent: 0.3 },
  },
} as const satisfies Record<string, World>;

/** The name of a world. */
export type WorldName = keyof typeof WORLDS;
