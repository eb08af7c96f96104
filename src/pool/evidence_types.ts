/**
 * The evidence about the owner of an address, and the conclusions from it, as values.
 *
 * @module
 */
import type { Cidr } from "../address/cidr.ts";
import type { Ip } from "../address/ip.ts";
import type { KeeperFacts, NodeState, PodFacts, Reading } from "./pod_facts.ts";
import type { Owner, PodSandbox } from "./types.ts";

/** An address and its recorded owner: a pool entry or a reservation. */
export interface Assignment {
  /** The owner as recorded. Its uid and node, if present, were written together with its container id. */
  readonly owner: Owner;
  /** The address. */
  readonly ip: Ip;
  /** The other sandbox that may use it: of the pod from which a virtual machine moves. The entry is not freed while it names one. */
  readonly former?: PodSandbox;
  /** Whether the owner is that other sandbox: it is detached, and the entry stays. Absent: no. */
  readonly isFormer?: true;
  /** The range it was allocated from. Absent if unknown: then no network-status contradicts the owner. */
  readonly range?: Cidr;
}

/** Everything that one scan read about one owner. */
export interface Evidence {
  /** The pod of the owner's podRef. `absent` only if the API server answered NotFound for this pod. */
  readonly pod: Reading<PodFacts>;
  /** The last deleted pod of that podRef, as it was last observed. Absent if it was not observed. */
  readonly last?: PodFacts;
  /** The node of the owner, else of `last`. Absent if neither is known. */
  readonly node?: Reading<NodeState>;
  /** The addresses that ResourceClaims of the pod contain, canonical. */
  readonly claims: Reading<ReadonlySet<string>>;
  /** The keeper of the owner, by its name. Absent if the owner has none, or it was not read. */
  readonly keeper?: Reading<KeeperFacts>;
}

/** How long evidence must last before it counts. */
export interface EvidenceRules {
  /** `--grace`: milliseconds that replace every duration below. Default: each kind of evidence has its own. */
  readonly grace?: number;
  /** `--dead-node-grace`: milliseconds for a pod on a node that is not ready, or never. Default {@linkcode DEAD_NODE_GRACE}. */
  readonly deadNodeGrace?: number | "never";
  /** `verify_network_status`: whether the network-status of a pod may contradict an owner. Default true. */
  readonly verifyNetworkStatus?: boolean;
}

/** Why a keeper no longer keeps an address. */
export type KeeperReason = "IPAMClaim is gone" | "StatefulSet is gone" | "StatefulSet was scaled down";

/** Why an address is freed. */
export type FreeReason =
  | "pod is gone"
  | "pod was replaced by another"
  | "pod has finished"
  | "pod does not have the address"
  | KeeperReason;

/** The observation behind a suspicion. A second scan counts only if it observes the same. */
export interface Sighting {
  /** Why the address seems unused. */
  readonly reason: FreeReason;
  /** The state of the node, if the evidence depends on it. */
  readonly node: "any" | "unknown" | "ready" | "works" | "not ready" | "down";
  /** When the Lease of the node was last renewed. */
  readonly renewed?: string | undefined;
  /** When the node became ready, or not ready, in milliseconds since 1970. */
  readonly since?: number | undefined;
  /** Why the keeper no longer keeps the address. Absent: the owner has no keeper. */
  readonly keeper?: KeeperReason | undefined;
}

/**
 * The conclusion from evidence:
 *
 * - `kept`: the pod uses the address, or may still get it;
 * - `unconfirmed`: kept, because nothing proves that the address is unused, nor that it is in use. `since`: when that began, in
 *   milliseconds since 1970, if known;
 * - `suspect`: to be freed, or with `detaches` detached, if a scan at least `wait` milliseconds after the first sighting observes the same;
 * - `free`: to be freed now;
 * - `detach`: the sandbox has ended, and the address stays allocated without it.
 */
export type Verdict =
  | { readonly kind: "kept" }
  | { readonly kind: "unconfirmed"; readonly why: string; readonly since?: number }
  | { readonly kind: "suspect"; readonly sighting: Sighting; readonly wait: number; readonly detaches?: true }
  | { readonly kind: "free" | "detach"; readonly reason: FreeReason };

/** The earlier scan that made the owner a suspect. */
export interface Earlier {
  /** The first sighting. */
  readonly sighting: Sighting;
  /** Milliseconds since then, on the monotonic clock. */
  readonly ago: number;
}
