/**
 * An address is freed when its pod goes: as soon as a pod is deleted or has finished, the evidence about what the pools still hold for it is
 * read. What it does not allow yet is looked at again when it is due, as what a sweep suspects is.
 *
 * Pools are searched by podRef, so it does not matter which network, node or attachment an entry is of, or whether that still exists.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import type { Sweeps, Swept } from "../ipam/sweep.ts";
import type { Entry } from "../pool/orphans.ts";
import type { PodFacts } from "../pool/pod_facts.ts";
import type { MirrorListener } from "./mirror.ts";

/** Tries for one pod; then the next sweep is left to find what it holds. */
const TRIES = 5;

/** Who is told what came of it. */
export interface PodReleaseListener {
  /** A look came to its end. */
  readonly looked: (swept: Swept) => void;
  /** Pods whose addresses could not be freed. */
  readonly failed: (podRefs: readonly string[], error: unknown) => void;
}

/**
 * Pods that went, and whose addresses are to be freed.
 *
 * Where a pod has come back under the same name, it is looked at again as soon as it runs and reports its addresses: until then nobody can
 * tell the entries of the former one from its own.
 */
export class PodReleases {
  readonly #tries = new Map<string, number>();
  readonly #cameBack = new Set<string>();
  readonly #poke: () => void;
  readonly #gone: (pod: PodFacts) => void;

  /** `poke` is called when there is something to do, `gone` with each pod as it was last seen. */
  constructor(poke: () => void, gone: (pod: PodFacts) => void = () => {}) {
    this.#poke = poke;
    this.#gone = gone;
  }

  /** For the mirror of pods. */
  readonly listener: MirrorListener<PodFacts> = {
    put: (pod, before) => {
      const another = before !== undefined && pod.uid !== before.uid; // nobody saw how the former one went
      if (another) this.#gone(before);
      const reports = this.#cameBack.has(pod.podRef) && pod.running && pod.interfaces !== undefined;
      if (another || reports || stageOf(pod) > stageOf(before)) this.#add(pod.podRef);
    },
    gone: (pod) => {
      this.#gone(pod);
      this.#add(pod.podRef);
    },
  };

  /**
   * Frees what is to be freed now.
   *
   * @throws what could not be done; it is to be called again
   */
  async work(sweeps: Pick<Sweeps, "look">, listener: PodReleaseListener, signal: AbortSignal): Promise<void> {
    const tries = new Map(this.#tries);
    if (tries.size === 0) return;
    this.#tries.clear();
    let swept: Swept;
    try {
      swept = await sweeps.look(signal, { podRefs: new Set(tries.keys()), reservations: false });
    } catch (error) {
      signal.throwIfAborted();
      return this.#again(tries, error, listener);
    }
    listener.looked(swept);
    for (const { allocation } of [...swept.kept, ...swept.unconfirmed]) this.#cameBack.add(allocation.podRef);
    const { failures, failed } = swept;
    if (failures.length === 0) return;
    const left = new Set(failed.map(({ allocation }) => allocation.podRef));
    const error = failures.length === 1 ? failures[0] : new AggregateError(failures, describe(failed));
    this.#again(new Map([...tries].filter(([podRef]) => left.has(podRef))), error, listener);
  }

  /** Throws where there is a next try. */
  #again(tries: ReadonlyMap<string, number>, error: unknown, listener: PodReleaseListener): void {
    const given = [...tries].filter(([, count]) => count + 1 >= TRIES).map(([podRef]) => podRef);
    if (given.length > 0) listener.failed(given, error);
    const left = [...tries].filter(([, count]) => count + 1 < TRIES);
    for (const [podRef, count] of left) if (!this.#tries.has(podRef)) this.#tries.set(podRef, count + 1);
    if (left.length > 0) throw error;
  }

  #add(podRef: string): void {
    this.#cameBack.delete(podRef);
    this.#tries.set(podRef, 0);
    this.#poke();
  }
}

/** How far a pod has come to its end: each step is evidence that the one before is not. */
function stageOf(pod: PodFacts | undefined): number {
  if (!pod?.finished || pod.containers !== "ended") return 0;
  return pod.sandboxMissing ? 2 : 1;
}

function describe(entries: readonly Entry[]): string {
  const addresses = entries.map(({ key, allocation }) =>
    formatIp({ family: key.cidr.family, value: allocation.address })
  );
  return `Cannot free all of ${addresses.slice(0, 10).join(", ")}`;
}
