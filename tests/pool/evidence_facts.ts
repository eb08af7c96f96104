/**
 * Builders for the cases of `judge`: owners, pods and nodes.
 *
 * @module
 */
import assert from "node:assert/strict";
import { parseCidr } from "../../src/address/cidr.ts";
import { parseIp } from "../../src/address/ip.ts";
import {
  type Assignment,
  DEAD_NODE_GRACE,
  type Earlier,
  type Evidence,
  type EvidenceRules,
  type FreeReason,
  LEASE_GRACE,
  RECHECK_GRACE,
  REMOVAL_GRACE,
  type Sighting,
  UNKNOWN_GRACE,
} from "../../src/pool/evidence.ts";
import type { NodeState, PodFacts } from "../../src/pool/pod_facts.ts";
import type { Owner } from "../../src/pool/types.ts";

/**
 * The expected verdict: `kept`, `unconfirmed`, `free: REASON`, `suspect SECONDS: REASON`; or, where the address stays, `detach: REASON` and
 * `detach SECONDS: REASON`.
 */
export type Expected =
  | "kept"
  | "unconfirmed"
  | `${"free" | "detach"}: ${FreeReason}`
  | `${"suspect" | "detach"} ${number}: ${FreeReason}`;

/** One call of `judge`. */
export interface Case {
  readonly title: string;
  readonly evidence: Evidence;
  readonly expected: Expected;
  readonly assignment?: Assignment;
  readonly rules?: EvidenceRules;
  readonly earlier?: Earlier;
}

/** One row of the table. */
export interface Row {
  readonly evidence: string;
  readonly then: string;
  readonly cases: readonly Case[];
}

const cidr = parseCidr("10.0.0.0/24")?.cidr;
const ip = parseIp("10.0.0.5");
assert(cidr && ip);

export const UID = "0b0c0d0e-0000-4000-8000-000000000001";
export const OTHER_UID = "0b0c0d0e-0000-4000-8000-000000000002";
export const HASH = "0123456789abcdef0123456789abcdef";
export const OTHER_HASH = "f123456789abcdef0123456789abcdef";
const REF = "default/web-0";

/** Builds an assignment. */
export function assignment(owner: Partial<Owner> = {}, more: Partial<Assignment> = {}): Assignment {
  const whole = { podRef: REF, ifName: "net1", containerId: "c1", uid: UID, node: "n1", ...owner };
  return { owner: whole, ip: ip as NonNullable<typeof ip>, range: cidr as NonNullable<typeof cidr>, ...more };
}
/** An owner as recorded by the original or an older release. */
export const PLAIN: Assignment = { ...assignment(), owner: { podRef: REF, ifName: "net1", containerId: "c1" } };

/** Builds a running pod. */
export function pod(more: Partial<PodFacts> = {}): PodFacts {
  return { podRef: REF, uid: UID, node: "n1", finished: false, running: true, containers: "running", ...more };
}

/** Builds a pod whose network-status has these addresses. */
export function reports(ips: readonly string[] | undefined, ifName = "net1", more: Partial<PodFacts> = {}): PodFacts {
  const interfaces = [{ ifName: "eth0", ips: ["10.244.0.9"] }, { ifName, ...(ips && { ips }) }];
  return pod({ interfaces, addresses: ["10.244.0.9", ...ips ?? []], ...more });
}

const NONE = { kind: "found", value: new Set<string>() } as const;
export const ABSENT = { kind: "absent" } as const;
export const UNREAD = { kind: "unread", why: "status 403" } as const;

/** Builds evidence of a pod that exists. */
export function present(value: PodFacts, more: Partial<Evidence> = {}): Evidence {
  return { pod: { kind: "found", value }, claims: NONE, ...more };
}

/** Builds evidence of a pod that does not exist. */
export function absent(
  node: Partial<NodeState> | "absent" | undefined,
  last?: PodFacts,
  more: Partial<Evidence> = {},
): Evidence {
  const state: NodeState = { ready: true, outOfService: false, renewed: "t1", ...(node !== "absent" && node) };
  return {
    pod: ABSENT,
    claims: NONE,
    ...(node && { node: node === "absent" ? ABSENT : { kind: "found", value: state } }),
    ...(last && { last }),
    ...more,
  };
}

/** Builds an earlier sighting. */
export function earlier(
  seconds: number,
  node: Sighting["node"],
  reason: FreeReason = "pod is gone",
  { renewed = "t0", since }: Pick<Sighting, "renewed" | "since"> = {},
): Earlier {
  const began = since !== undefined && { since };
  return { ago: seconds * 1_000, sighting: { reason, node, ...(node === "ready" && { renewed }), ...began } };
}

export const ENDING = pod({ deleting: true, running: false, containers: "ended" });
export const MIRROR = pod({ configHash: HASH, deleting: true, running: false, containers: "ended" });
export const FINISHED = pod({ finished: true, running: false, containers: "ended" });
export const LONG: PodFacts = pod({ terminationGrace: 600_000 });
export const GONE = "pod is gone";
export const REPLACED = "pod was replaced by another";
export const LACKS = "pod does not have the address";
export const [removal, unknown, recheck, dead, lease] = [
  REMOVAL_GRACE,
  UNKNOWN_GRACE,
  RECHECK_GRACE,
  DEAD_NODE_GRACE,
  LEASE_GRACE,
].map((ms) => ms / 1_000) as [number, number, number, number, number];
