/**
 * Finds out whether the pod of an address still uses it, before the address is released.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import type { Pods } from "../ipam/sweep.ts";
import { type Assignment, judge } from "../pool/evidence.ts";
import type { PodFacts, Reading } from "../pool/pod_facts.ts";
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
  pods: Pick<Pods, "find"> | undefined,
  signal: AbortSignal,
): Promise<Holder[]> {
  if (!pods) return targets.map(() => ({ state: "unknown: no cluster selected", inUse: false }));
  const refs = [...new Set(targets.map(({ owner }) => owner.podRef))].filter((podRef) => podRef.includes("/"));
  const readings = new Map<string, Reading<PodFacts>>();
  for (let at = 0; at < refs.length; at += CONCURRENT) {
    await Promise.all(
      refs.slice(at, at + CONCURRENT).map(async (podRef) => {
        readings.set(podRef, await read(podRef, pods, signal));
      }),
    );
  }
  return targets.map((target) => holderOf(target, readings.get(target.owner.podRef)));
}

async function read(podRef: string, pods: Pick<Pods, "find">, signal: AbortSignal): Promise<Reading<PodFacts>> {
  try {
    const value = await pods.find(podRef, signal);
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

function describe({ running, finished, node, addresses }: PodFacts, address: string): string {
  const where = node === undefined ? "" : ` on ${node}`;
  if (finished) return `finished${where}, containers may still run`;
  if (!running) return `pod exists${where}, not running`;
  return addresses?.has(address) ? `running${where}, uses it` : `running${where}, may use it`;
}
