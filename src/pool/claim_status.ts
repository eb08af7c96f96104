/**
 * The status of IPAMClaims: how it follows from the records of a store, and where it differs from them.
 *
 * @module
 */
import type { Cidr } from "../address/cidr.ts";
import { formatIp, parseIp } from "../address/ip.ts";
import { type Condition, dated } from "./condition.ts";
import { type Finding, NO_OWNER } from "./finding.ts";
import { entriesOf, type PoolFacts } from "./orphans.ts";
import { addressOf, type Entry, type PoolKey } from "./types.ts";

/** An IPAMClaim, and its status as stored. */
export interface ClaimFacts {
  /** Its namespace. */
  readonly namespace: string;
  /** Its name. */
  readonly name: string;
  /** Its uid. */
  readonly uid: string;
  /** Changes with each write. */
  readonly version: string;
  /** `status.ips` as written. */
  readonly ips: readonly string[];
  /** `status.ownerPod.name`. Absent: none is named. */
  readonly ownerPod?: string;
  /** `status.conditions`. Definitions before v0.5 drop them, and the pod. */
  readonly conditions: readonly Condition[];
}

/** The status that a claim shall have. */
export interface ClaimStatus {
  /** Its addresses with the prefix lengths of their networks. */
  readonly ips: readonly string[];
  /** The pod that uses them. */
  readonly ownerPod?: { readonly name: string };
  /** All conditions, those of other writers included. */
  readonly conditions: readonly Condition[];
}

/** The condition that OVN-Kubernetes writes too. */
const ALLOCATED = { type: "IPsAllocated", status: "True", reason: "SuccessfulAllocation" } as const;

/**
 * The claims whose status differs from the records, with the status to write. A claim without entries is left unchanged.
 *
 * A definition that drops pod and conditions must not be written again and again: without any condition, only other addresses count.
 *
 * @param wholeRange the range that a pool is a part of. Undefined: the pool's own network
 * @param now in milliseconds since 1970
 */
export function outdatedStatuses(
  claims: readonly ClaimFacts[],
  pools: readonly PoolFacts[],
  wholeRange: (key: PoolKey) => Cidr | undefined,
  now: number,
): { readonly claim: ClaimFacts; readonly status: ClaimStatus }[] {
  const entriesFor = claimEntries(pools);
  return claims.flatMap((claim) => {
    const entries = entriesFor(claim);
    if (entries.length === 0) return [];
    const ips = entries.map((entry) => withPrefix(entry, wholeRange(entry.key) ?? entry.key.cidr));
    const user = entries.find(({ allocation }) => allocation.containerId !== "")?.allocation.podRef.split("/")[1];
    const present = claim.conditions.find(({ type }) => type === ALLOCATED.type);
    const isAllocated = present?.status === ALLOCATED.status && present.reason === ALLOCATED.reason;
    const isStored = claim.conditions.length > 0 || claim.ownerPod !== undefined;
    const sameIps = ips.toSorted().join() === claim.ips.toSorted().join();
    if (sameIps && (!isStored || (claim.ownerPod === user && (isAllocated || claim.conditions.length === 0)))) {
      return [];
    }
    const message = `whereabouts allocated ${ips.join(", ")}`;
    const condition = dated({ ...ALLOCATED, message }, claim.conditions, now);
    const conditions = [...claim.conditions.filter(({ type }) => type !== ALLOCATED.type), condition];
    return [{ claim, status: { ips, ...(user !== undefined && { ownerPod: { name: user } }), conditions } }];
  });
}

/** Claims whose status names an address that the records do not have for them. One without addresses is not written yet. */
export function findClaimFaults(claims: readonly ClaimFacts[], pools: readonly PoolFacts[]): Finding[] {
  const entriesFor = claimEntries(pools);
  return claims.flatMap((claim): Finding[] => {
    const entries = entriesFor(claim);
    const recorded = entries.map((entry) => formatIp(addressOf(entry)));
    const other = claim.ips.map(canonical).find((address) => !recorded.includes(address));
    const [first] = entries;
    if (!first || other === undefined) return [];
    const { namespace, name } = claim;
    return [{
      ...NO_OWNER,
      kind: "claim-status-differs",
      subject: "claim",
      address: other,
      pool: `${namespace}/${name}`,
      network: first.key.network,
      message: `The status of IPAMClaim ${namespace}/${name} has ${other}, and the records have ${recorded.join(", ")}`,
    }];
  });
}

/** Whether an IPAMClaim keeps an address. */
export function hasClaims(pools: readonly PoolFacts[]): boolean {
  return entriesOf(pools).some(({ allocation: { keeper } }) => keeper?.kind === "IPAMClaim");
}

/** The entries that claims keep, by claim: IPv4 first, lowest address first. */
function claimEntries(pools: readonly PoolFacts[]): (claim: ClaimFacts) => readonly Entry[] {
  const kept = entriesOf(pools).filter(({ allocation: { keeper } }) => keeper?.kind === "IPAMClaim");
  const byUid = Map.groupBy(kept, ({ allocation: { keeper } }) => keeper?.uid);
  return ({ namespace, uid }) =>
    (byUid.get(uid) ?? []).filter(({ allocation }) => allocation.podRef.startsWith(`${namespace}/`)).toSorted((a, b) =>
      a.key.cidr.family - b.key.cidr.family || (a.allocation.address < b.allocation.address ? -1 : 1)
    );
}

function withPrefix(entry: Entry, { prefix }: Cidr): string {
  return `${formatIp(addressOf(entry))}/${prefix}`;
}

function canonical(text: string): string {
  const ip = parseIp(text.split("/", 1)[0] ?? "");
  return ip ? formatIp(ip) : text;
}
