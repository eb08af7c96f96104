/**
 * The pod of an owner, and the object that keeps its address.
 *
 * @module
 */
import type { Keeper } from "./types.ts";

/** A pod, as far as it decides about its own addresses. */
export interface Workload {
  /** `namespace/name`. */
  readonly podRef: string;
  /** Its uid. */
  readonly uid: string;
  /** Whether it is finished, each of its containers has ended, and its sandbox is reported missing: no container of it runs again. */
  readonly ended: boolean;
  /** The annotation `k8s.v1.cni.cncf.io/networks`: its attachments in order. */
  readonly networks?: string;
  /** The annotation `whereabouts.cni.cncf.io/preferred-ip`. */
  readonly preferredIp?: string;
  /** The StatefulSet that controls it. */
  readonly statefulSet?: Keeper;
  /** The uid of its virtual machine's instance: the label `kubevirt.io/created-by`. */
  readonly instance?: string;
  /** The name of its virtual machine: the annotation `kubevirt.io/domain`. */
  readonly machine?: string;
  /** Whether its virtual machine moves to it: only such pods have the label `kubevirt.io/migrationJobUID`. */
  readonly isMigrationTarget: boolean;
}

/** An IPAMClaim. */
export interface IpamClaim {
  /** Its uid. */
  readonly uid: string;
  /** The CNI network's `name`. */
  readonly network: string;
  /** The interface; empty: any. */
  readonly ifName: string;
  /** Whether it is being deleted. */
  readonly deleting: boolean;
}

/** Whether a virtual machine moves from one pod to another. */
export function moves(from: Workload, to: Workload): boolean {
  if (!to.isMigrationTarget || from.podRef === to.podRef || namespaceOf(from) !== namespaceOf(to)) return false;
  const isSame = (a: string | undefined, b: string | undefined) => a !== undefined && a !== "" && a === b;
  return isSame(from.instance, to.instance) || isSame(from.machine, to.machine);
}

/**
 * The name of the IPAMClaim of an interface in the annotation `k8s.v1.cni.cncf.io/networks`. The short form of the annotation names no claims.
 * An element without an interface is `net1` if it is the first one, `net2` if it is the second one, as the meta-plugin counts them.
 *
 * @throws {SyntaxError} the annotation is invalid
 */
export function claimOf(networks: string, ifName: string): string | undefined {
  const text = networks.trim();
  if (!/^[[{]/.test(text)) return undefined;
  const elements: unknown = JSON.parse(text);
  const all: readonly Element[] = Array.isArray(elements) ? elements : [elements];
  const named = all.find((element) => element?.interface === ifName);
  const element = named ?? all.find((one, i) => !one?.interface && ifName === `net${i + 1}`);
  const claim = element?.["ipam-claim-reference"];
  return typeof claim === "string" && claim !== "" ? claim : undefined;
}

/** The used part of an element. */
type Element = { readonly interface?: unknown; readonly "ipam-claim-reference"?: unknown } | null;

/** Why a claim cannot keep an address of an interface in a network; undefined if it can. */
export function claimMismatch(claim: IpamClaim, network: string, ifName: string): string | undefined {
  if (claim.network !== network) return `its spec.network is ${JSON.stringify(claim.network)}`;
  if (claim.ifName !== "" && claim.ifName !== ifName) return `its spec.interface is ${JSON.stringify(claim.ifName)}`;
  return undefined;
}

function namespaceOf({ podRef }: Workload): string {
  return podRef.split("/", 1)[0] ?? "";
}
