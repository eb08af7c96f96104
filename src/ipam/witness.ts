/**
 * Reads the evidence about owners of addresses directly: their pods, nodes, ResourceClaims and keepers.
 *
 * @module
 */
import { mapConcurrently } from "../async/concurrency.ts";
import type { Assignment, Evidence } from "../pool/evidence.ts";
import type { KeeperFacts, NodeState, PodFacts, Reading } from "../pool/pod_facts.ts";
import { namesPod } from "../pool/pod_owner.ts";
import type { Keeper, Owner } from "../pool/types.ts";
import { type Clock, retry } from "../storage/retry.ts";
import { messageOf } from "../values/errors.ts";

/** Objects that are read at the same time. */
const MAX_CONCURRENT = 10;

/**
 * Reads one pod directly.
 *
 * @returns undefined if the API server answered NotFound for this pod
 * @throws on every other answer: it proves nothing
 */
export type FindPod = (podRef: string, signal: AbortSignal) => Promise<PodFacts | undefined>;

/** The source of evidence. */
export interface Witness {
  /** Reads one pod. */
  readonly find: FindPod;
  /** Reads one node and its Lease, as `find` reads a pod. Absent if nodes are unknown. */
  readonly findNode?: (name: string, signal: AbortSignal) => Promise<NodeState | undefined>;
  /**
   * The addresses in the ResourceClaims of a namespace, canonical, by podRef; undefined if the cluster does not serve the resource. Absent
   * without a cluster.
   */
  readonly claims?: (
    namespace: string,
    signal: AbortSignal,
  ) => Promise<ReadonlyMap<string, ReadonlySet<string>> | undefined>;
  /**
   * Reads the object of a keeper's kind and name, as `find` reads a pod. A resource that the cluster does not serve is an error: it proves
   * nothing. Absent without a cluster.
   */
  readonly findKeeper?: (
    keeper: Pick<Keeper, "kind" | "name">,
    namespace: string,
    signal: AbortSignal,
  ) => Promise<KeeperFacts | undefined>;
  /** The last observed pod of the owner's podRef; of several, the owner's own one. Absent: pods are not watched. */
  readonly lastSeen?: (owner: Owner) => PodFacts | undefined;
}

/** The reader of one scan: reads each object at most once. */
export class EvidenceReader {
  /** The errors of failed reads. */
  readonly failures: unknown[] = [];
  readonly #witness: Witness;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #pods = new Map<string, Promise<Reading<PodFacts>>>();
  readonly #nodes = new Map<string, Promise<Reading<NodeState>>>();
  readonly #keepers = new Map<string, Promise<Reading<KeeperFacts>>>();
  readonly #claims = new Map<string, Promise<Reading<ReadonlyMap<string, ReadonlySet<string>>>>>();

  /** Reads nothing yet. */
  constructor(witness: Witness, clock: Clock, signal: AbortSignal) {
    this.#witness = witness;
    this.#clock = clock;
    this.#signal = signal;
  }

  /** The evidence about each owner, without ResourceClaims. */
  async evidence(assignments: readonly Assignment[]): Promise<Evidence[]> {
    return await mapConcurrently(assignments, MAX_CONCURRENT, (assignment) => this.#evidence(assignment));
  }

  /** The same evidence with ResourceClaims. */
  async withClaims(assignments: readonly Assignment[], evidence: readonly Evidence[]): Promise<Evidence[]> {
    const claims = await mapConcurrently(assignments, MAX_CONCURRENT, ({ owner }) => this.#claimsOf(owner));
    return evidence.map((one, i) => ({ ...one, claims: claims[i] ?? one.claims }));
  }

  /** The pods of these podRefs that exist. */
  async pods(podRefs: readonly string[]): Promise<PodFacts[]> {
    const readings = await mapConcurrently(podRefs, MAX_CONCURRENT, (podRef) => this.#pod(podRef));
    return readings.flatMap((reading) => reading.kind === "found" ? [reading.value] : []);
  }

  #pod(podRef: string): Promise<Reading<PodFacts>> {
    return remembered(this.#pods, podRef, () => this.#read((deadline) => this.#witness.find(podRef, deadline)));
  }

  async #evidence({ owner }: Assignment): Promise<Evidence> {
    if (!namesPod(owner)) return { pod: { kind: "absent" }, claims: { kind: "absent" } };
    const { findNode, lastSeen } = this.#witness;
    const pod = await this.#pod(owner.podRef);
    const last = lastSeen?.(owner);
    const name = owner.node ?? last?.node;
    const node = findNode && name !== undefined
      ? await remembered(this.#nodes, name, () => this.#read((deadline) => findNode(name, deadline)))
      : undefined;
    const keeper = owner.keeper && await this.#keeper(owner.keeper, owner.podRef);
    const more = {
      ...(last && { last }),
      ...(node && { node }),
      ...(keeper && { keeper }),
    };
    return { pod, claims: { kind: "absent" }, ...more };
  }

  async #keeper(keeper: Keeper, podRef: string): Promise<Reading<KeeperFacts> | undefined> {
    const { findKeeper } = this.#witness;
    const { kind, name } = keeper;
    const [namespace = ""] = podRef.split("/");
    const key = `${kind} ${namespace}/${name}`;
    return findKeeper &&
      await remembered(this.#keepers, key, () => this.#read((deadline) => findKeeper(keeper, namespace, deadline)));
  }

  async #claimsOf({ podRef }: Owner): Promise<Evidence["claims"]> {
    const { claims } = this.#witness;
    const [namespace = ""] = podRef.split("/");
    if (!claims) return { kind: "absent" };
    const all = await remembered(this.#claims, namespace, () => this.#read((deadline) => claims(namespace, deadline)));
    if (all.kind !== "found") return all;
    return { kind: "found", value: all.value.get(podRef) ?? new Set() };
  }

  async #read<T>(work: (deadline: AbortSignal) => Promise<T | undefined>): Promise<Reading<T>> {
    try {
      const value = await retry(work, this.#clock, this.#signal);
      return value === undefined ? { kind: "absent" } : { kind: "found", value };
    } catch (error) {
      this.#signal.throwIfAborted();
      this.failures.push(error);
      return { kind: "unread", why: messageOf(error) };
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
