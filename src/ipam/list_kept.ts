/**
 * Lists the addresses that IPAMClaims and StatefulSets keep.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import { KINDS } from "../pool/finding.ts";
import { findInconsistencies } from "../pool/findings.ts";
import { keeperState, type KeptOwner } from "../pool/keepers.ts";
import { assignmentOf, entriesOf } from "../pool/orphans.ts";
import { mayBeUsed } from "../pool/pod_owner.ts";
import { addressOf, type Allocation, type Entry } from "../pool/types.ts";
import type { Ipam } from "./ipam.ts";
import type { Pods } from "./sweep_types.ts";
import { EvidenceReader } from "./witness.ts";

/**
 * The state of a kept address. `in use`: a pod uses it, or may still use it; `stopped`: its keeper keeps it and no pod uses it; `gone`: its
 * keeper no longer keeps it; `conflict`: others use the address or may get it; `unknown`: its keeper cannot be read.
 */
type KeptState = "in use" | "stopped" | "gone" | "conflict" | "unknown";

/** An entry with a keeper. */
export interface KeptEntry extends Entry {
  /** Its owner, with the keeper. */
  readonly allocation: Allocation & KeptOwner;
  /** Its state. */
  readonly state: KeptState;
  /** The reason, for `gone`, `conflict` and `unknown`. */
  readonly why?: string;
}

/**
 * Lists the kept addresses of a store in the order of its pools, and reads the keepers and pods of these addresses only.
 *
 * @param source undefined: pods and keepers are unknown
 * @throws the error of a list
 */
export async function listKept(ipam: Ipam, source: Pods | undefined, signal: AbortSignal): Promise<KeptEntry[]> {
  const pools = await ipam.driver.list(signal);
  const kept = entriesOf(pools).filter(isKept).toArray();
  if (kept.length === 0) return [];
  const reservations = await ipam.driver.reservations?.list(undefined, signal) ?? [];
  const pods = await source?.list(signal);
  const { domainsOf, configured } = source ?? {};
  const conflicts = findInconsistencies({ pools, reservations, pods, orphans: [], domainsOf, configured })
    .filter(({ kind }) => KINDS[kind].severity === "conflict");
  const reader = source && new EvidenceReader(source, ipam.clock, signal);
  const known = new Map(pods?.map((pod) => [pod.podRef, pod]));
  const evidence = await reader?.evidence(kept.map((entry) => assignmentOf(entry))) ?? [];
  return kept.map((entry, i): KeptEntry => {
    const { key, allocation } = entry;
    const read = evidence[i];
    const conflict = conflicts.find(({ address, network }) =>
      network === key.network && address === formatIp(addressOf(entry))
    );
    if (conflict) return { ...entry, state: "conflict", why: conflict.message };
    const keeper = keeperState(allocation, read?.keeper);
    if (keeper.kind === "gone") return { ...entry, state: "gone", why: keeper.reason };
    if (keeper.kind === "unknown") return { ...entry, state: "unknown", why: keeper.why };
    return { ...entry, state: mayBeUsed(allocation, (podRef) => known.get(podRef)) ? "in use" : "stopped" };
  });
}

function isKept(entry: Entry): entry is Entry & { readonly allocation: Allocation & KeptOwner } {
  return entry.allocation.keeper !== undefined;
}
