/**
 * Reading the evidence about owners of addresses: their pods, nodes and ResourceClaims, each directly.
 *
 * @module
 */
import { type Assignment, type Evidence, namesPod } from "../pool/evidence.ts";
import type { NodeState, PodFacts, Reading } from "../pool/pod_facts.ts";
import type { Owner } from "../pool/types.ts";
import { type Clock, retry } from "../storage/retry.ts";

/** Objects that are read at the same time. */
const AT_ONCE = 10;

/**
 * Reads one pod, now.
 *
 * @returns undefined where there is none: the API server answered NotFound for that very pod
 * @throws on every other answer: it proves nothing
 */
export type FindPod = (podRef: string, signal: AbortSignal) => Promise<PodFacts | undefined>;

/** Where evidence is read. */
export interface Witness {
  /** One pod, now. */
  readonly find: FindPod;
  /** One node with its Lease, now, as `find` reads a pod. Absent where nodes are unknown. */
  readonly findNode?: (name: string, signal: AbortSignal) => Promise<NodeState | undefined>;
  /**
   * The addresses that the ResourceClaims of a namespace hold, canonical, by podRef; undefined where the cluster has no such resource. Absent
   * where there is no cluster.
   */
  readonly claims?: (
    namespace: string,
    signal: AbortSignal,
  ) => Promise<ReadonlyMap<string, ReadonlySet<string>> | undefined>;
  /** The pod of the owner's podRef as it was last seen, the owner's own one where several were. Absent: nobody watches pods. */
  readonly lastSeen?: (owner: Owner) => PodFacts | undefined;
}

/** One look: reads each object once, when it is first asked for. */
export class Look {
  /** What could not be read. */
  readonly failures: unknown[] = [];
  readonly #witness: Witness;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #pods = new Map<string, Promise<Reading<PodFacts>>>();
  readonly #nodes = new Map<string, Promise<Reading<NodeState>>>();
  readonly #claims = new Map<string, Promise<Reading<ReadonlyMap<string, ReadonlySet<string>>>>>();

  /** Reads nothing yet. */
  constructor(witness: Witness, clock: Clock, signal: AbortSignal) {
    this.#witness = witness;
    this.#clock = clock;
    this.#signal = signal;
  }

  /** The evidence about each owner, without claims. */
  async evidence(assignment: readonly Assignment[]): Promise<Evidence[]> {
    return await inParts(assignment, ({ owner }) => this.#evidence(owner));
  }

  /** The same with the claims. */
  async withClaims(assignment: readonly Assignment[], evidence: readonly Evidence[]): Promise<Evidence[]> {
    const claims = await inParts(assignment, ({ owner }) => this.#claimsOf(owner));
    return evidence.map((one, i) => ({ ...one, claims: claims[i] ?? one.claims }));
  }

  /** The pods of these podRefs that exist. */
  async pods(podRefs: readonly string[]): Promise<PodFacts[]> {
    const readings = await inParts(podRefs, (podRef) => this.#pod(podRef));
    return readings.flatMap((reading) => reading.kind === "found" ? [reading.value] : []);
  }

  #pod(podRef: string): Promise<Reading<PodFacts>> {
    return remembered(this.#pods, podRef, () => this.#read((limit) => this.#witness.find(podRef, limit)));
  }

  async #evidence(owner: Owner): Promise<Evidence> {
    if (!namesPod(owner)) return { pod: { kind: "absent" }, claims: { kind: "absent" } };
    const { findNode, lastSeen } = this.#witness;
    const pod = await this.#pod(owner.podRef);
    const last = lastSeen?.(owner);
    const name = owner.node ?? last?.node;
    const node = findNode && name !== undefined
      ? await remembered(this.#nodes, name, () => this.#read((limit) => findNode(name, limit)))
      : undefined;
    return { pod, claims: { kind: "absent" }, ...(last && { last }), ...(node && { node }) };
  }

  async #claimsOf({ podRef }: Owner): Promise<Evidence["claims"]> {
    const { claims } = this.#witness;
    const [namespace = ""] = podRef.split("/");
    if (!claims) return { kind: "absent" };
    const all = await remembered(this.#claims, namespace, () => this.#read((limit) => claims(namespace, limit)));
    if (all.kind !== "found") return all;
    return { kind: "found", value: all.value.get(podRef) ?? new Set() };
  }

  async #read<T>(work: (limit: AbortSignal) => Promise<T | undefined>): Promise<Reading<T>> {
    try {
      const value = await retry(work, this.#clock, this.#signal);
      return value === undefined ? { kind: "absent" } : { kind: "found", value };
    } catch (error) {
      this.#signal.throwIfAborted();
      this.failures.push(error);
      return { kind: "unread", why: error instanceof Error ? error.message : String(error) };
    }
  }
}

function remembered<T>(known: Map<string, Promise<T>>, key: string, read: () => Promise<T>): Promise<T> {
  const present = known.get(key);
  if (present) return present;
  const reading = read();
  known.set(key, reading);
  return reading;
}

async function inParts<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const done: R[] = [];
  for (let at = 0; at < items.length; at += AT_ONCE) {
    done.push(...await Promise.all(items.slice(at, at + AT_ONCE).map(work)));
  }
  return done;
}
