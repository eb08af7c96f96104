/**
 * What a pool contains. Values only: they are read-only, and no function of this folder changes its arguments.
 *
 * @module
 */
import { type Cidr, formatCidr } from "../address/cidr.ts";
import type { Ip } from "../address/ip.ts";

/** The object that keeps an address while it exists, beyond the life of a pod. It is in the namespace of the pod. */
export interface Keeper {
  /** An IPAMClaim (`k8s.cni.cncf.io`), or the StatefulSet that the pod belongs to. */
  readonly kind: "IPAMClaim" | "StatefulSet";
  /** Its name. */
  readonly name: string;
  /** Its uid. An object of the same name with another uid is another keeper. */
  readonly uid: string;
}

/** The owner of an address: one interface of one pod, in one sandbox. */
export interface Owner {
  /** `namespace/name` of the pod; the container id if the runtime has no pods. */
  readonly podRef: string;
  /** `CNI_IFNAME`. Empty in records of releases before v0.8 of the original. */
  readonly ifName: string;
  /** `CNI_CONTAINERID`: the sandbox. A pod whose sandbox is recreated has a new one. */
  readonly containerId: string;
  /** The node of that sandbox. Absent if unknown: the record is older, or another plugin wrote its container id. */
  readonly node?: string;
  /** The uid of the pod of that sandbox (`K8S_POD_UID`). Absent if unknown, as `node`. */
  readonly uid?: string;
  /** The object that keeps the address when the pod ends. Absent: DEL frees it. */
  readonly keeper?: Keeper;
}

/** A pod's sandbox that uses an address. */
export type PodSandbox = Pick<Owner, "podRef" | "containerId" | "node" | "uid">;

/** One address allocated to one owner. The pool has the address family. */
export interface Allocation extends Owner {
  /** The address as a number. */
  readonly address: bigint;
  /** The sandbox from which a virtual machine moves to the owner's sandbox: it gets the entry back if the owner's ends first. */
  readonly former?: PodSandbox;
  /** The call that wrote it made no reservation of the address. Absent: it made one, or the store does not record this. */
  readonly unreserved?: true;
}

/** Identifies a pool: the allocation domain, the node if the pool is a node slice, and the network. */
export interface PoolKey {
  /** `network_name`: a separate allocation domain. Empty for the unnamed one. */
  readonly network: string;
  /** The node that owns the slice `cidr`. Absent if the pool covers the whole range. */
  readonly node?: string;
  /** The pool's network. */
  readonly cidr: Cidr;
  /**
   * The other keys that a listed pool may have, each exact: its stored name has several readings, and no other object shows which is right.
   * Absent if the key is exact.
   */
  readonly otherReadings?: readonly PoolKey[];
}

/** Whether a pool belongs, or may belong, to an allocation domain. */
export function mayBeOf({ network, otherReadings = [] }: PoolKey, other: string): boolean {
  return network === other || otherReadings.some((key) => key.network === other);
}

/** The allocations of a pool, by address. */
export type Allocations = ReadonlyMap<bigint, Allocation>;

/** An allocation and its pool. */
export interface Entry {
  /** The pool. */
  readonly key: PoolKey;
  /** The allocation. */
  readonly allocation: Allocation;
}

/**
 * The address of an entry.
 *
 * @example
 * ```ts
 * import { addressOf, formatIp, parseCidr } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * const network = parseCidr("10.0.0.0/24");
 * assert(network);
 * const allocation = { address: 0x0a000001n, podRef: "default/web-0", ifName: "net1", containerId: "9f1c" };
 * assert.equal(formatIp(addressOf({ key: { network: "", cidr: network.cidr }, allocation })), "10.0.0.1");
 * ```
 */
export function addressOf({ key, allocation }: Entry): Ip {
  return { family: key.cidr.family, value: allocation.address };
}

/** A released address that is not allocated to another owner for a while (`reuse.ts`). */
export interface Rest extends Pick<Owner, "podRef" | "ifName"> {
  /** When it was released, in milliseconds since 1970. */
  readonly since: number;
}

/** The change of one address. An allocation has no `before`, a release no `after`, a refresh (another container id) both. */
export interface Change {
  /** The address. */
  readonly address: bigint;
  /** The allocation that the pool had at the address when the change was decided. */
  readonly before?: Allocation;
  /** The allocation that it has after the change. */
  readonly after?: Allocation;
  /** The rest of the address that the allocation ended: it continues if the change is undone. */
  readonly rested?: Rest;
}

/**
 * A pool's key as text, for logs, locks and maps: `10.0.0.0/24`, `net/10.0.0.0/24`, `net/node1/10.0.0.0/24`.
 *
 * @example
 * ```ts
 * import { formatPoolKey, parseCidr } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * const network = parseCidr("10.0.0.0/24");
 * assert(network);
 * assert.equal(formatPoolKey({ network: "storage", cidr: network.cidr }), "storage/10.0.0.0/24");
 * ```
 */
export function formatPoolKey(key: PoolKey): string {
  return [key.network, key.node ?? "", formatCidr(key.cidr)].filter((part) => part !== "").join("/");
}

/** Whether two records name the same interface of the same pod. */
export function sameInterface(a: Pick<Owner, "podRef" | "ifName">, b: Pick<Owner, "podRef" | "ifName">): boolean {
  return a.podRef === b.podRef && a.ifName === b.ifName;
}

/** Whether two records name the same owner: pod, interface and sandbox. Node and uid describe the sandbox and are not compared. */
export function sameOwner(a: Owner, b: Owner): boolean {
  return sameInterface(a, b) && a.containerId === b.containerId;
}

/** Whether two records have the same keeper, or both none. */
function sameKeeper({ keeper: a }: Pick<Owner, "keeper">, { keeper: b }: Pick<Owner, "keeper">): boolean {
  return a?.kind === b?.kind && a?.uid === b?.uid;
}

/** Whether two records have the same owner and keeper. */
export function sameRecord(a: Owner, b: Owner): boolean {
  return sameOwner(a, b) && sameKeeper(a, b);
}

/** Whether two entries are equal: the same owner, keeper and former sandbox. */
export function sameEntry(a: Allocation, b: Allocation): boolean {
  return sameRecord(a, b) && a.former?.podRef === b.former?.podRef &&
    a.former?.containerId === b.former?.containerId;
}

/**
 * Whether a record's address is kept for an owner, by the same keeper. An IPAMClaim keeps one address for whichever pod names it; a
 * StatefulSet one for each interface of each of its pods.
 */
export function isKeptFor(
  owner: Pick<Owner, "podRef" | "ifName" | "keeper">,
  stored: Pick<Owner, "podRef" | "ifName" | "keeper">,
): boolean {
  if (!stored.keeper || !sameKeeper(owner, stored)) return false;
  return stored.keeper.kind === "IPAMClaim" || sameInterface(owner, stored);
}

/** Whether an entry is the owner's, whichever sandbox it names: it is kept for the owner, or has no keeper and names the same interface. */
export function ownsEntry(owner: Pick<Owner, "podRef" | "ifName" | "keeper">, stored: Owner): boolean {
  return stored.keeper ? isKeptFor(owner, stored) : sameInterface(owner, stored);
}

/**
 * Whether a stored reservation or entry belongs to an owner, whichever sandbox it names: it is kept for the owner; or it has no keeper, and
 * it has the same podRef, and the same interface or none. Releases before v0.8 of the original recorded no interface.
 *
 * @example
 * ```ts
 * import { ownsReservation } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * const owner = { podRef: "default/web-0", ifName: "net1" };
 * assert(ownsReservation(owner, { podRef: "default/web-0", ifName: "" }));
 * assert(!ownsReservation(owner, { podRef: "default/web-0", ifName: "net2" }));
 * ```
 */
export function ownsReservation(
  owner: Pick<Owner, "podRef" | "ifName" | "keeper">,
  stored: Pick<Owner, "podRef" | "ifName" | "keeper">,
): boolean {
  if (stored.keeper) return isKeptFor(owner, stored);
  return owner.podRef === stored.podRef && (owner.ifName === stored.ifName || stored.ifName === "");
}
