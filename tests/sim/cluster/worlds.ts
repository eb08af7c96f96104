/**
 * The worlds of the simulated cluster.
 *
 * @module
 */
import { withoutBlocks } from "../divisions.ts";
import type { Network } from "../runtime.ts";
import type { KubeletHabits } from "./kubelet.ts";
import { KUBECONFIG, type World } from "./world.ts";

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
/** The end of its name may be read as the start of an address. */
const vlan = network("vlan", { range: "fd00:77::/125", network_name: "vlan-1234" });
/** Its pods may report other addresses. */
const unverified = network("unverified", { range: "10.1.0.0/28", verify_network_status: false });
const small = network("small", { range: "10.0.0.0/27" });

const sliced = network("sliced", { range: "10.0.0.0/28", node_slice_size: "/29", enable_overlapping_ranges: false });
const twin = network("twin", { range: "10.0.0.0/28", node_slice_size: "/29", enable_overlapping_ranges: false });
const elastic = network("elastic", {
  ...{ range: "10.0.0.0/28", node_slice_size: "/30", node_slice_elastic: true, enable_overlapping_ranges: false },
});

const apart = network("apart", { range: "10.0.0.0/29", enable_overlapping_ranges: false });

const kept = network("kept", { range: "10.0.0.0/28", allow_persistent_ips: true, sticky: "statefulset" });
const keptBoth = network("kept-both", { ...kept.ipam, ipRanges: [{ range: "fd00::/125" }] });
const resting = network("resting", { range: "10.2.0.0/29", range_end: "10.2.0.4", reuse_after: "30s" });
const shuffled = network("shuffled", {
  ...{ range: "10.3.0.0/29", range_end: "10.3.0.4", reuse_after: "900s", order: "random" },
});
const turning = network("turning", { range: "10.4.0.0/29", range_end: "10.4.0.5", order: "rotate" });

const off = { enable_overlapping_ranges: false };
/** Networks on one grid: their ranges overlap, some make no reservations, and one is exactly a block. */
const grid = network("grid", { range: "10.6.0.0/28", block_size: "/30", ...off });
const gridHalf = network("grid-half", { ...grid.ipam, range: "10.6.0.0/29", block_order: "spread" });
const gridBlock = network("grid-block", { ...grid.ipam, range: "10.6.0.4/30" });
const gridBoth = network("grid-both", {
  ...{ range: "10.6.0.0/28", exclude: ["10.6.0.2"], ipRanges: [{ range: "fd00:6::/124" }], block_size: "/30,/126" },
});
/** The same range in other layouts. */
const ungrid = network("ungrid", { range: "10.6.0.0/28", ...off });
const coarser = network("coarser", { range: "10.6.0.0/28", block_size: "/29", ...off });
/** Grows, shrinks to its upper half, and is renumbered. */
const ranges = ["10.0.0.0/28", "10.0.0.0/27", "10.0.0.16/28", "10.5.0.0/28"];
const resized = ranges.map((range) => network("resized", { range }));
/** The same without reservations. */
const moved = ranges.map((range) =>
  network("moved", { range, network_name: "moved", enable_overlapping_ranges: false })
);
/** Overlaps with the former. */
const beside = network("beside", { range: "10.0.0.0/26" });

/** Are divided while they have pods: two whose ranges overlap, by one command; and one without reservations. */
const pair = [
  network("whole", { range: "10.8.0.0/28", ipRanges: [{ range: "fd00:8::/124" }], block_size: "/30,/126" }),
  network("half", { range: "10.8.0.0/29", exclude: ["10.8.0.2"], block_size: "/30", block_order: "spread" }),
];
const single = [network("single", { range: "10.8.0.0/28", network_name: "single", block_size: "/30", ...off })];

const quiet: KubeletHabits = { restarts: 0, completes: 0, evicts: 0 };
const lively: KubeletHabits = { restarts: 0.1, completes: 0.1, evicts: 0.05 };

/** Every world, by name. */
export const WORLDS = {
  /** Two sandboxes of one pod, overlapping networks, late answers. */
  takeover: {
    ...{ nodes: 3, pods: 5, steps: 200, networks: [wide, narrow], controlled: 0, agents: 0.5, faults: true },
    moves: 0.3,
    habits: { restarts: 0.05, completes: 0, evicts: 0 },
    happenings: { kubelet: 12, create: 4, delete: 1, force: 2, usurp: 4, agent: 1, kill: 2 },
  },
  /** Faults of every kind, with a controller: requests of the driver are cut, lost and late. */
  stormy: {
    ...{ nodes: 2, pods: 5, steps: 200, networks: [both, narrow, vlan], controlled: 1, agents: 0.6, faults: true },
    pruned: 0.5,
    habits: lively,
    happenings: { kubelet: 12, create: 4, delete: 2, force: 1, collect: 1, agent: 1, kill: 1, outage: 1 },
  },
  /** Kubelets publish statuses in every order, which are the evidence that frees addresses. */
  kubelets: {
    ...{ nodes: 2, pods: 5, steps: 400, networks: [wide, narrow], controlled: 1, agents: 0.5, faults: false },
    ...{ kinds: { static: 0.25 }, claims: 0.3, oddStatus: 0.4, pruned: 0.3 },
    habits: { ...lively, evicts: 0.15 },
    happenings: { kubelet: 20, create: 3, delete: 2, force: 2, collect: 2 },
  },
  /** Pods of one name: in the network of their node, or in another network, while the former pod still runs. */
  namesakes: {
    ...{ nodes: 3, pods: 3, steps: 400, networks: [wide, narrow, blue], controlled: 1, agents: 0.5, faults: false },
    ...{ kinds: { host: 0.3 }, moves: 0.6 },
    habits: { ...quiet, completes: 0.2 },
    happenings: { kubelet: 20, create: 4, delete: 1, force: 1, replace: 3 },
  },
  /** The same with schemas of older releases, which keep neither node nor uid. */
  nameless: {
    ...{ nodes: 3, pods: 2, steps: 400, networks: [wide, vlan], controlled: 1, agents: 0.5, faults: false, pace: 0.25 },
    ...{ moves: 0.7, pruned: 1, graces: [1, 60] },
    habits: quiet,
    happenings: { kubelet: 24, create: 4, delete: 6, replace: 4 },
  },
  /** Nodes are cut off for a while, and machines go off and are removed. */
  cut: {
    ...{ nodes: 3, pods: 5, steps: 500, networks: [wide], controlled: 1, agents: 0.5, faults: false, pace: 0.2 },
    habits: quiet,
    happenings: { kubelet: 20, create: 4, delete: 1, force: 1.5, cut: 4, power: 0.4 },
  },
  /** Runtimes do not answer, releases are delayed, objects of nodes are missing, and controllers may not read everything. */
  silent: {
    ...{ nodes: 3, pods: 5, steps: 500, networks: [wide], controlled: 1, agents: 0.7, faults: false, pace: 0.2 },
    sweeps: "30s",
    graces: [60],
    forbids: ["pods", "nodes", "leases"],
    habits: { ...quiet, delays: 0.5 },
    happenings: {
      ...{ kubelet: 20, create: 3, delete: 1, force: 3, stall: 2 },
      ...{ drain: 2, forbid: 1, agent: 1 },
    },
  },
  /** Statuses that are late or incomplete, or that name other addresses; unusual uids; and ResourceClaims that may not be read. */
  statuses: {
    ...{ nodes: 2, pods: 5, steps: 400, networks: [both, unverified], controlled: 1, agents: 0.5, faults: false },
    ...{ claims: 0.3, oddStatus: 0.5, oddUids: 0.3, forbids: ["resourceclaims"] },
    habits: { restarts: 0.4, completes: 0.1, evicts: 0, delays: 0.3, slow: 0.7 },
    happenings: { kubelet: 20, create: 4, delete: 2, forbid: 0.5 },
  },
  /** Runtimes do not answer while controllers are suspended. */
  suspended: {
    ...{ nodes: 2, pods: 5, steps: 500, networks: [wide], controlled: 1, agents: 0.5, faults: false, pace: 0.2 },
    graces: [60],
    habits: quiet,
    happenings: { kubelet: 20, create: 5, force: 4, suspend: 4, cut: 1 },
  },
  /** Backups of the store are restored in which addresses have the uids of former pods. */
  regressed: {
    ...{ nodes: 2, pods: 4, steps: 400, networks: [wide], controlled: 1, agents: 0.5, faults: false },
    habits: { ...quiet, restarts: 0.05 },
    happenings: { kubelet: 24, create: 4, delete: 3, regress: 4 },
  },
  /** Backups of the store are restored, and revisions are used a second time. */
  restore: {
    ...{ nodes: 2, pods: 5, steps: 400, networks: [small], controlled: 0, agents: 1, faults: false, pace: 0.5 },
    habits: quiet,
    happenings: { kubelet: 24, create: 5, delete: 4, restore: 3 },
  },
  /** Wall clocks are set, without other faults: every call is served in time. */
  clocks: {
    ...{ nodes: 1, pods: 9, steps: 300, networks: [wide, small], controlled: 0, agents: 1, faults: false },
    ...{ pace: 0.75, prompt: true },
    habits: quiet,
    happenings: { kubelet: 30, create: 8, delete: 4, clock: 6 },
  },
  /** Pool objects have reached their max size. */
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
    happenings: { kubelet: 20, create: 4, delete: 1, force: 1, replace: 2, kill: 0.3, overtake: 8 },
  },
  /** The same beside a network with blocks: where the pool of its range is divided, it refuses the entries of the original. */
  original: {
    ...{ nodes: 3, originals: 1, pods: 6, steps: 350, networks: [grid, wide], controlled: 0.5, agents: 0.5 },
    ...{ faults: false, starves: true },
    habits: quiet,
    happenings: { kubelet: 20, create: 6, delete: 3, force: 0.5, kill: 1 },
  },
  /** Node slices, as the controller plans them: nodes lose slices while an ADD is in progress, and get others. */
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
  /** Nodes take slices, lose them when they are empty, and borrow addresses, while calls and controllers die at every step. */
  elastic: {
    ...{
      nodes: 3,
      pods: 14,
      steps: 700,
      networks: [elastic],
      controlled: 1,
      agents: 0.5,
      faults: false,
      starves: true,
    },
    pace: 0.3,
    habits: quiet,
    happenings: { kubelet: 30, create: 8, delete: 2, unregister: 0.4, power: 0.1, kill: 0.4 },
  },
  /** Of two overlapping networks one makes no reservations. The other is defined when pods of the first run already. */
  settings: {
    ...{ nodes: 2, pods: 6, steps: 350, networks: [apart, wide], controlled: 1, agents: 0.5, faults: true },
    habits: { ...quiet, restarts: 0.05 },
    happenings: { kubelet: 16, create: 5, delete: 2, introduce: 2, agent: 1, kill: 1 },
  },
  /** Pools are deleted; their reservations remain, and the controller restores the entries, since each can belong to one pool only. */
  lost: {
    ...{ nodes: 2, pods: 5, steps: 250, networks: [wide, blue], controlled: 1, agents: 0, faults: false },
    habits: quiet,
    happenings: { kubelet: 16, create: 4, delete: 2, lose: 1 },
  },
  /** Pools are deleted, and agents restore the entries from their journals. */
  journals: {
    ...{ nodes: 2, pods: 5, steps: 250, networks: [wide, narrow], controlled: 0, agents: 1, faults: false },
    restoredBy: "agent",
    habits: quiet,
    happenings: { kubelet: 16, create: 4, delete: 2, lose: 1 },
  },
  /** Entries and reservations are lost in a cluster of one node, whose journal has them. */
  rewound: {
    ...{
      nodes: 1,
      pods: 6,
      steps: 250,
      networks: [small],
      controlled: 0,
      agents: 1,
      faults: false,
      restoredBy: "both",
    },
    habits: quiet,
    happenings: { kubelet: 16, create: 5, delete: 2, backup: 2, rewind: 1, agent: 0.3 },
  },
  /** Virtual machines with claims start, stop, migrate and are deleted; nodes are cut off; rights and definitions are missing for a while. */
  machines: {
    ...{ nodes: 3, pods: 3, steps: 400, networks: [kept, narrow], controlled: 1, agents: 0.5, faults: false },
    ...{ keepers: { machines: 2 }, sweeps: "30s", forbids: ["ipamclaims", "ipamclaims", "pods"], pace: 0.3 },
    reinstalls: 0.5,
    habits: { restarts: 0.05, completes: 0.02, evicts: 0.02 },
    happenings: {
      kubelet: 24,
      create: 1,
      delete: 1,
      force: 0.2,
      keeper: 8,
      collect: 2,
      cut: 0.2,
      power: 0.2,
      forbid: 0.3,
    },
  },
  /** Pools, and the keepers of reservations, are lost while virtual machines are stopped and started. */
  stopped: {
    ...{ nodes: 3, pods: 3, steps: 300, networks: [kept, blue], controlled: 1, agents: 0, faults: false },
    ...{ keepers: { machines: 2 }, sweeps: "30s", pace: 0.3 },
    habits: quiet,
    happenings: { kubelet: 24, create: 1, delete: 1, keeper: 6, lose: 1, forget: 1 },
  },
  /** StatefulSets restart, are scaled and deleted, and move from machines that are off. */
  sets: {
    ...{ nodes: 3, pods: 3, steps: 300, networks: [kept, narrow], controlled: 1, agents: 0.5, faults: false },
    ...{ keepers: { sets: 2 }, sweeps: "30s", forbids: ["statefulsets", "pods"], pace: 0.3 },
    habits: { restarts: 0.05, completes: 0.02, evicts: 0.02 },
    happenings: { kubelet: 24, create: 2, delete: 3, force: 0.3, keeper: 3, collect: 1.5, power: 0.5, forbid: 0.2 },
  },
  /** Both, while requests are lost and late, and agents, plugins and controllers die at every step. */
  kept: {
    ...{ nodes: 2, pods: 3, steps: 200, networks: [keptBoth, narrow], controlled: 1, agents: 0.6, faults: true },
    ...{ keepers: { machines: 2, sets: 1 } },
    habits: { restarts: 0.05, completes: 0.02, evicts: 0.02 },
    happenings: { kubelet: 14, create: 2, delete: 2, keeper: 4, collect: 1, agent: 1, kill: 1, outage: 0.5 },
  },
  /** Released addresses rest, in ranges that are often full. */
  reuse: {
    ...{ nodes: 2, pods: 12, steps: 500, networks: [resting, shuffled, turning], controlled: 0.7, agents: 0.5 },
    ...{ faults: true, starves: true, ahead: 0.5 },
    habits: { ...quiet, restarts: 0.03, completes: 0.03 },
    happenings: { kubelet: 20, create: 5, delete: 2, force: 1.5, agent: 0.5, kill: 1, outage: 0.2 },
  },
  /** Ranges in blocks, which are often full: plugins, agents and controllers die, and lists of blocks are old. */
  blocks: {
    ...{ nodes: 3, pods: 9, steps: 350, networks: [grid, gridHalf, gridBlock, gridBoth], controlled: 0.7, agents: 0.6 },
    ...{ faults: true, starves: true, moves: 0.2 },
    habits: { ...quiet, restarts: 0.05 },
    happenings: { kubelet: 20, create: 6, delete: 3, force: 0.5, agent: 1, kill: 2, outage: 0.3 },
  },
  /** One range in blocks that have room for every pod, without faults: every call is served in time. */
  roomy: {
    ...{ nodes: 2, pods: 9, steps: 300, networks: [gridBoth], controlled: 0.5, agents: 0.6, faults: false },
    habits: { ...quiet, restarts: 0.05 },
    happenings: { kubelet: 24, create: 6, delete: 3, agent: 0.5, kill: 1 },
  },
  /** Networks with the same addresses in different layouts, without reservations: pods of all but one get none. */
  layouts: {
    ...{ nodes: 3, pods: 6, steps: 300, networks: [grid, ungrid, coarser], controlled: 0, agents: 0.5 },
    ...{ faults: true, starves: true },
    habits: quiet,
    happenings: { kubelet: 20, create: 8, delete: 5, agent: 1, kill: 1 },
  },
  /** Ranges are resized while pods come and go, some with a former definition; the command is killed, repeated and run concurrently. */
  resized: {
    ...{ nodes: 2, pods: 6, steps: 300, networks: [...resized.slice(0, 1), ...moved.slice(0, 1), beside] },
    ...{ controlled: 0.5, agents: 0.5, faults: true, resizes: [resized, moved] },
    habits: { restarts: 0.1, completes: 0.05, evicts: 0 },
    happenings: {
      kubelet: 16,
      create: 5,
      delete: 2,
      force: 0.3,
      move: 5,
      collect: 1,
      interrupt: 0.5,
      agent: 0.5,
      kill: 1,
    },
  },
  /** Ranges are divided into blocks while pods come and go, some with the former definition; the command is killed, repeated and doubled. */
  divided: {
    ...{ nodes: 2, pods: 5, steps: 350, networks: [...pair, ...single].map(withoutBlocks), moves: 0.1 },
    ...{ controlled: 0.5, agents: 0.5, faults: true, divisions: [pair, single] },
    habits: { restarts: 0.1, completes: 0.05, evicts: 0 },
    happenings: {
      kubelet: 16,
      create: 5,
      delete: 2,
      force: 0.3,
      move: 3,
      collect: 1,
      interrupt: 0.3,
      agent: 0.5,
      kill: 1,
    },
  },
} as const satisfies Record<string, World>;

/** The name of a world. */
export type WorldName = keyof typeof WORLDS;
