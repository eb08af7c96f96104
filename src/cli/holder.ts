/**
 * Finds out whether the pod of an address still uses it, before the address is released.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import type { Pods } from "../ipam/sweep.ts";
import { type Assignment, judge } from "../pool/evidence.ts";
import { describeKeeper, keeperState } from "../pool/keepers.ts";
import type { KeeperFacts, PodFacts, Reading } from "../pool/pod_facts.ts";
import { hasAddress } from "../pool/pod_owner.ts";
import { messageOf } from "../values/errors.ts";

/** The state of the pod of an address. */
export interface Holder {
  /** Text for a table. */
  readonly state: string;
  /** Whether the pod uses the address, or may use it. */
  readonly inUse: boolean;
}

/** Max. concurrent reads of pods. */
const CONCURRENT = 10;

/**
 * The states of the pods of these addresses, in order. Each pod is read once; a pod that cannot be read counts as using its address.
 *
 * @param pods undefined: without a cluster all states are unknown
 */
export async function holdersOf(
  targets: readonly Assignment[],
  pods: Pick<Pods, "find" | "findKeeper"> | undefined,
  signal: AbortSignal,
): Promise<Holder[]> {
  if (!pods) {
    return targets.map((target) =>
      keptBy(target, undefined) ?? { state: "unknown: no cluster selected", inUse: false }
    );
  }
  const keepers = await Promise.all(targets.map((target) => keeperOf(target, pods, signal)));
  const refs = [...new Set(targets.map(({ owner }) => owner.podRef))].filter((podRef) => podRef.includes("/"));
  const readings = new Map<string, Reading<PodFacts>>();
  for (let at = 0; at < refs.length; at += CONCURRENT) {
    await Promise.all(
      refs.slice(at, at + CONCURRENT).map(async (podRef) => {
        readings.set(podRef, await read(podRef, pods, signal));
      }),
    );
  }
  return targets.map((target, i) => keptBy(target, keepers[i]) ?? holderOf(target, readings.get(target.owner.podRef)));
}

/** Reads the keeper of an address. */
async function keeperOf(
  { owner: { podRef, keeper } }: Assignment,
  { findKeeper }: Pick<Pods, "findKeeper">,
  signal: AbortSignal,
): Promise<Reading<KeeperFacts> | undefined> {
  const [namespace = ""] = podRef.split("/");
  return keeper && findKeeper && await reading(() => findKeeper(keeper, namespace, signal), signal);
}

/** The state of an address whose keeper keeps it, or may. Undefined: the pod decides. */
function keptBy({ owner }: Assignment, reading: Reading<KeeperFacts> | undefined): Holder | undefined {
  const { keeper } = owner;
  if (!keeper) return undefined;
  const state = keeperState({ ...owner, keeper }, reading);
  if (state.kind === "gone") return undefined;
  return { state: state.kind === "keeps" ? `kept by ${describeKeeper(keeper)}` : `unknown: ${state.why}`, inUse: true };
}

async function read(podRef: string, pods: Pick<Pods, "find">, signal: AbortSignal): Promise<Reading<PodFacts>> {
  return await reading(() => pods.find(podRef, signal), signal);
}

async function reading<T>(read: () => Promise<T | undefined>, signal: AbortSignal): Promise<Reading<T>> {
  try {
    const value = await read();
    return value ? { kind: "found", value } : { kind: "absent" };
  } catch (error) {
    signal.throwIfAborted();
    return { kind: "unread", why: messageOf(error) };
  }
}

/** Judges by one reading. A suspect, which the sweep would check twice, counts as unused: the user decides. */
function holderOf(assignment: Assignment, pod: Reading<PodFacts> | undefined): Holder {
  if (!pod) return { state: "unknown: the record has no pod", inUse: false };
  if (pod.kind === "unread") return { state: `unknown: ${pod.why}`, inUse: true };
  if (pod.kind === "absent") return { state: "pod not found", inUse: false };
  const { kind } = judge(assignment, { pod, claims: { kind: "absent" } }, {});
  const inUse = kind === "kept" || kind === "unconfirmed";
  return { state: inUse ? describe(pod.value, formatIp(assignment.ip)) : "pod does not use it", inUse };
}

function describe(pod: PodFacts, address: string): string {
  const { running, finished, node } = pod;
  const where = node === undefined ? "" : ` on ${node}`;
  if (finished) return `finished${where}, containers may still run`;
  if (!running) return `pod exists${where}, not running`;
  return hasAddress(pod, address) ? `running${where}, uses it` : `running${where}, may use it`;
}
