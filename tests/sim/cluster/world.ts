/**
 * What a world of the simulated cluster consists of: settings and events.
 *
 * @module
 */
import type { Network } from "../runtime.ts";
import type { KubeletHabits } from "./kubelet.ts";

/** Path of the kubeconfig that every process of the simulation reads. */
export const KUBECONFIG = "/etc/cni/net.d/whereabouts.d/whereabouts.kubeconfig";

/**
 * Events between the steps of processes, each with a weight.
 *
 * - `kubelet`: a kubelet does its next step;
 * - `create`, `delete`, `force`: a pod is created, or deleted gracefully or by force;
 * - `replace`: a pod is deleted by force and recreated, perhaps on another node;
 * - `usurp`: a pod is deleted by force and recreated while its ADD is between its two writes;
 * - `cut`, `power`: a node is cut off for a while; its machine goes off or on again;
 * - `stall`: the container runtime of a node does not answer for a while;
 * - `drain`: the pods of a node are deleted by force, then the object of the node, which is soon recreated;
 * - `forbid`: controllers may not read objects of a kind, or may again;
 * - `clock`: a node's clock is set forward or back;
 * - `suspend`: controllers are suspended while the container runtime of a node does not answer;
 * - `overtake`: a reservation that a process is about to delete is deleted, and its pod's name is used again on a node of the original;
 * - `regress`: a backup is restored in which addresses of live sandboxes have the ids of former sandboxes of their pods' names;
 * - `backup`, `restore`: a backup of the store is taken; one that holds the addresses of all live sandboxes is restored;
 * - `rewind`: any backup is restored, which may lack addresses of live sandboxes;
 * - `lose`: a pool object is deleted;
 * - `forget`: a reservation of a detached address loses its keeper, as if an ADD had ended between its two writes;
 * - `keeper`: a virtual machine or a StatefulSet changes, or its claim, or the right to read them;
 * - `define`: a definition with the CNI name of a network is created in another namespace, with another range, or is deleted;
 * - `introduce`: the last network is defined;
 * - `unregister`: the object of a working node is deleted; soon it is recreated, or the machine goes off;
 * - `collect`: the runtime of a node calls GC for a network;
 * - `move`: an operator resizes a network, divides the ranges of a domain, completes an interrupted command, or runs one beside another run;
 * - `interrupt`: such a run is killed;
 * - `agent`: an agent dies or restarts;
 * - `kill`: a process is killed;
 * - `outage`: the API server becomes unreachable, or reachable again.
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
  | "suspend"
  | "overtake"
  | "keeper"
  | "regress"
  | "clock"
  | "backup"
  | "restore"
  | "rewind"
  | "lose"
  | "forget"
  | "define"
  | "introduce"
  | "unregister"
  | "drain"
  | "collect"
  | "move"
  | "interrupt"
  | "agent"
  | "kill"
  | "outage";

/** One world. */
export interface World {
  /** Nodes. */
  readonly nodes: number;
  /** Number of nodes with the original's plugin. Default 0. */
  readonly originals?: number;
  /** Number of pod names. */
  readonly pods: number;
  /** Number of virtual machines with an IPAMClaim, and of StatefulSets, in the first network. Default 0. */
  readonly keepers?: { readonly machines?: number; readonly sets?: number };
  /** Steps until the faults end. */
  readonly steps: number;
  /** Share of steps with an event; in the others, a waiting operation continues. Default 0.35. */
  readonly pace?: number;
  /** Networks. */
  readonly networks: readonly Network[];
  /** Networks that are resized: the ranges of each, of which the first is in `networks`. Default none. */
  readonly resizes?: readonly (readonly Network[])[];
  /** Networks whose ranges are divided into blocks, each domain by one command: their definitions afterwards. Default none. */
  readonly divisions?: readonly (readonly Network[])[];
  /** Share of runs with a controller. */
  readonly controlled: number;
  /** Time between the sweeps of controllers. With more time than the default, 10 s, more time passes in a history. */
  readonly sweeps?: string;
  /** Share of nodes with an agent. */
  readonly agents: number;
  /** Whether requests fail. */
  readonly faults: boolean;
  /** Share of pods by kind; the others are plain. */
  readonly kinds?: { readonly static?: number; readonly host?: number };
  /** Share of pods with a ResourceClaim that lists their addresses, even after their containers have ended. */
  readonly claims?: number;
  /**
   * Share of pods with an incomplete network-status, and of those with an older kubelet. With plugins of the original, only their pods: an entry
   * without a uid of a former pod is kept while a pod of its name runs that does not report its addresses.
   */
  readonly oddStatus?: number;
  /** Share of pods whose runtime passes a text as their uid that no API server generates. */
  readonly oddUids?: number;
  /** Kinds of objects that controllers may not be allowed to read. */
  readonly forbids?: readonly ("pods" | "nodes" | "leases" | "resourceclaims" | "ipamclaims" | "statefulsets")[];
  /** Termination grace periods of pods, in seconds. Default: short and long ones. */
  readonly graces?: readonly number[];
  /** Optional events of kubelets. */
  readonly habits: KubeletHabits;
  /** Share of pods that attach to another network than the former pod of their name. */
  readonly moves?: number;
  /** Share of runs with schemas of older releases, which drop unknown members. */
  readonly pruned?: number;
  /** Max entries of a pool's object. Default unlimited. */
  readonly room?: number;
  /** Share of runs in which the clock of a node is a day ahead. */
  readonly ahead?: number;
  /** Share of machines that were removed from the cluster whose disk is empty when they are on again: nothing releases their sandboxes. */
  readonly reinstalls?: number;
  /** Whether every call must succeed within a time limit. */
  readonly prompt?: boolean;
  /** Whether pods may wait forever for an address. */
  readonly starves?: boolean;
  /** What restores lost entries, if not the controller only. */
  readonly restoredBy?: "agent" | "both";
  /** Events. */
  readonly happenings: Partial<Readonly<Record<Happening, number>>>;
}
