/**
 * An address goes back when its pod goes: as soon as a pod is deleted or has finished, what the pools still hold for it is freed.
 *
 * Pools are looked at by podRef, so it does not matter which network, node or attachment an entry is of, or whether that still exists.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import type { Ipam } from "../ipam/ipam.ts";
import { type FindPod, freeOrphans } from "../ipam/reclaim.ts";
import type { Orphan } from "../pool/orphans.ts";
import type { PodFacts } from "../pool/pod_facts.ts";
import type { PoolSnapshot } from "../storage/driver.ts";
import { retry } from "../storage/retry.ts";
import type { MirrorListener } from "./mirror.ts";

/** Tries for one pod; then the next sweep is left to find what it holds. */
const TRIES = 5;

/** Who is told what came of it. */
export interface PodReleaseListener {
  /** The pools as they were looked at. */
  readonly looked: (pools: readonly PoolSnapshot[]) => void;
  /** What was freed. */
  readonly freed: (orphans: readonly Orphan[]) => void;
  /** Pods whose addresses could not be freed. */
  readonly failed: (podRefs: readonly string[], error: unknown) => void;
}

/**
 * Pods that went, and whose addresses are to be freed.
 *
 * Where a pod has come back under the same name, what it does not say it has is freed as soon as it runs: until then nobody can tell the
 * entries of the former one from its own.
 */
export class PodReleases {
  readonly #tries = new Map<string, number>();
  readonly #cameBack = new Set<string>();
  readonly #poke: () => void;

  /** `poke` is called when there is something to do. */
  constructor(poke: () => void) {
    this.#poke = poke;
  }

  /** For the mirror of pods. */
  readonly listener: MirrorListener<PodFacts> = {
    put: (pod, before) => {
      const another = before !== undefined && pod.uid !== before.uid; // nobody saw how the former one went
      const tells = this.#cameBack.has(pod.podRef) && pod.running && pod.addresses !== undefined;
      if (another || tells || (pod.finished && !before?.finished)) this.#add(pod.podRef);
    },
    gone: (pod) => this.#add(pod.podRef),
  };

  /**
   * Frees what is to be freed now.
   *
   * @throws what could not be done; it is to be called again
   */
  async work(ipam: Ipam, findPod: FindPod, listener: PodReleaseListener, signal: AbortSignal): Promise<void> {
    const tries = new Map(this.#tries);
    if (tries.size === 0) return;
    this.#tries.clear();
    let pools: readonly PoolSnapshot[];
    try {
      pools = await retry((limit) => ipam.driver.list(limit), ipam.clock, signal);
    } catch (error) {
      signal.throwIfAborted();
      return this.#again(tries, error, listener);
    }
    listener.looked(pools);
    const orphans = pools.flatMap(({ key, allocations }) =>
      [...allocations.values()].filter(({ podRef }) => tries.has(podRef)).map((allocation): Orphan => ({
        key,
        allocation,
        reason: "pod is gone",
      }))
    );
    const { done, kept, failed, failures } = await freeOrphans(ipam, orphans, findPod, signal);
    listener.freed(done);
    for (const { allocation } of kept) this.#cameBack.add(allocation.podRef);
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

function describe(orphans: readonly Orphan[]): string {
  const addresses = orphans.map(({ key, allocation }) =>
    formatIp({ family: key.cidr.family, value: allocation.address })
  );
  return `Cannot free all of ${addresses.slice(0, 10).join(", ")}`;
}
