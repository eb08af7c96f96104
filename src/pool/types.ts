/**
 * What a pool holds. Values only: they are read-only, and no function of this folder changes its arguments.
 *
 * @module
 */
import type { Cidr } from "../address/cidr.ts";
import { formatCidr } from "../address/cidr.ts";

/** Who holds an address: one interface of one pod, in one sandbox. */
export interface Owner {
  /** `namespace/name` of the pod; where a runtime without pods calls, the container id. */
  readonly podRef: string;
  /** `CNI_IFNAME`. Empty in records of releases before v0.8 of the original. */
  readonly ifName: string;
  /** `CNI_CONTAINERID`: the sandbox. A pod that is started anew comes back with another one. */
  readonly containerId: string;
  /** The node of that sandbox. Absent where it is unknown: the record is older, or another plugin wrote its container id. */
  readonly node?: string;
  /** The uid of the pod of that sandbox (`K8S_POD_UID`). Absent where it is unknown, as `node` is. */
  readonly uid?: string;
}

/** One address given to one owner. The family is that of the pool. */
export interface Allocation extends Owner {
  /** The address as a number. */
  readonly address: bigint;
}

/** Which pool: the allocation domain, the node where nodes have slices, and the network. */
export interface PoolKey {
  /** `network_name`: a separate allocation domain. Empty for the unnamed one. */
  readonly network: string;
  /** The node that owns the slice `cidr`. Absent where the pool is the whole range's. */
  readonly node?: string;
  /** The pool's network. */
  readonly cidr: Cidr;
  /**
   * Other allocation domains that a listed pool may be of: its name can be read in several ways, and nothing says which is right. Absent where
   * the key is exact.
   */
  readonly mayAlsoBe?: readonly string[];
}

/** Whether a pool is, or may be, of an allocation domain. */
export function mayBeOf({ network, mayAlsoBe = [] }: PoolKey, other: string): boolean {
  return network === other || mayAlsoBe.includes(other);
}

/** The allocations of a pool, by address. */
export type Allocations = ReadonlyMap<bigint, Allocation>;

/**
 * What becomes of one address: a claim has no `before`, a release no `after`, a refresh (another container id) both.
 */
export interface Change {
  /** The address. */
  readonly address: bigint;
  /** What the pool held there when the change was decided. */
  readonly before?: Allocation;
  /** What it shall hold. */
  readonly after?: Allocation;
}

/** A pool's key as text, for logs, locks and maps: `10.0.0.0/24`, `net/10.0.0.0/24`, `net/node1/10.0.0.0/24`. */
export function formatPoolKey(key: PoolKey): string {
  return [key.network, key.node ?? "", formatCidr(key.cidr)].filter((part) => part !== "").join("/");
}

/** Whether two records name the same interface of the same pod. */
export function sameInterface(a: Pick<Owner, "podRef" | "ifName">, b: Pick<Owner, "podRef" | "ifName">): boolean {
  return a.podRef === b.podRef && a.ifName === b.ifName;
}

/** Whether two records name the same owner: pod, interface and sandbox. Node and uid are facts about the sandbox, not part of its name. */
export function sameOwner(a: Owner, b: Owner): boolean {
  return sameInterface(a, b) && a.containerId === b.containerId;
}
