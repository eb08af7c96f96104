/**
 * Keepers: the objects that keep an address beyond the life of a pod, and the evidence that they no longer do.
 *
 * @module
 */
import type { Earlier, KeeperReason, Verdict } from "./evidence_types.ts";
import type { KeeperFacts, Reading } from "./pod_facts.ts";
import type { Keeper, Owner } from "./types.ts";

/** Whether a keeper keeps an address. `unknown`: nothing proves that it does not. */
type KeeperState =
  | { readonly kind: "keeps" }
  | { readonly kind: "gone"; readonly reason: KeeperReason }
  | { readonly kind: "unknown"; readonly why: string };

/** An owner with a keeper. */
export type KeptOwner = Owner & { readonly keeper: Keeper };

/** The keeper in words: `IPAMClaim vm1.net1`. */
export function describeKeeper({ kind, name }: Keeper): string {
  return `${kind} ${name}`;
}

/**
 * Whether the keeper of an owner keeps the address.
 *
 * An IPAMClaim that is being deleted still exists: its finalizer waits for the pods of its virtual machine. A StatefulSet that is being
 * deleted makes no pod any more.
 *
 * @param reading the object of the keeper's kind and name; undefined: it was not read
 */
export function keeperState({ podRef, keeper }: KeptOwner, reading: Reading<KeeperFacts> | undefined): KeeperState {
  const { kind, name, uid } = keeper;
  if (!reading) return { kind: "unknown", why: `${describeKeeper(keeper)} was not read` };
  if (reading.kind === "unread") {
    return { kind: "unknown", why: `${describeKeeper(keeper)} cannot be read: ${reading.why}` };
  }
  if (reading.kind === "absent" || reading.value.uid !== uid) return { kind: "gone", reason: `${kind} is gone` };
  if (kind === "IPAMClaim") return { kind: "keeps" };
  const { deleting, ordinals } = reading.value;
  if (deleting) return { kind: "gone", reason: "StatefulSet is gone" };
  const ordinal = ordinalOf(podRef, name);
  if (ordinal === undefined || !ordinals) {
    return { kind: "unknown", why: `the ordinal of the pod in ${describeKeeper(keeper)} is unknown` };
  }
  const { start, replicas } = ordinals;
  const isInRange = ordinal >= start && ordinal < start + replicas;
  return isInRange ? { kind: "keeps" } : { kind: "gone", reason: "StatefulSet was scaled down" };
}

/** The ordinal of a StatefulSet's pod, from its name; undefined if it is not a name of a pod of the set. */
function ordinalOf(podRef: string, set: string): number | undefined {
  const name = podRef.slice(podRef.indexOf("/") + 1);
  const digits = name.startsWith(`${set}-`) ? name.slice(set.length + 1) : "";
  return /^(0|[1-9]\d{0,9})$/.test(digits) ? Number(digits) : undefined;
}

/**
 * Judges an owner with a keeper: the address is freed only if the keeper no longer keeps it, and all other evidence frees it as well. Both
 * must last: a keeper that was seen meanwhile starts a new wait, and nothing is freed at the first scan.
 *
 * @param wait milliseconds between the two scans
 * @param judgeOther judges by all other evidence, given the earlier sighting if the keeper was gone then
 */
export function judgeKept(
  owner: KeptOwner,
  reading: Reading<KeeperFacts> | undefined,
  wait: number,
  earlier: Earlier | undefined,
  judgeOther: (earlier: Earlier | undefined) => Verdict,
): Verdict {
  const state = keeperState(owner, reading);
  if (state.kind === "keeps") return { kind: "kept" };
  const keeper = state.kind === "gone" ? state.reason : undefined;
  const same = keeper !== undefined && earlier?.sighting.keeper === keeper ? earlier : undefined;
  const verdict = judgeOther(same);
  if (verdict.kind === "kept" || verdict.kind === "unconfirmed") return verdict;
  if (state.kind === "unknown") return { kind: "unconfirmed", why: state.why };
  if (verdict.kind !== "suspect") {
    if (same && same.ago >= wait) return { kind: "free", reason: state.reason };
    return { kind: "suspect", sighting: same?.sighting ?? { reason: verdict.reason, node: "any", keeper }, wait };
  }
  const { sighting } = verdict; // its identity tells a first sighting from a repeated one
  return sighting === same?.sighting ? verdict : { ...verdict, sighting: { ...sighting, keeper } };
}
