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
import type { Orphan, PodFacts } from "../pool/orphans.ts";
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

/** Pods that went, and whose addresses are to be freed. */
export class PodReleases {
  readonly #tries = new Map<string, number>();
  readonly #poke: () => void;

  /** `poke` is called when there is something to do. */
  constructor(poke: () => void) {
    this.#poke = poke;
  }

  /** For the mirror of pods. */
  readonly listener: MirrorListener<PodFacts> = {
    put: (pod, before) => {
      if (pod.finished && !before?.finished) this.#add(pod.podRef);
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
    try {
      const pools = await retry((limit) => ipam.driver.list(limit), ipam.clock, signal);
      listener.looked(pools);
      const orphans = pools.flatMap(({ key, allocations }) =>
        [...allocations.values()].filter(({ podRef }) => tries.has(podRef)).map((allocation): Orphan => ({
          key,
          allocation,
          reason: "pod is gone",
        }))
      );
      const { done, failures } = await freeOrphans(ipam, orphans, findPod, signal);
      listener.freed(done);
      if (failures.length > 0) {
        throw failures.length === 1 ? failures[0] : new AggregateError(failures, describe(orphans));
      }
    } catch (error) {
      signal.throwIfAborted();
      const given = [...tries].filter(([, count]) => count + 1 >= TRIES).map(([podRef]) => podRef);
      if (given.length > 0) listener.failed(given, error);
      for (const [podRef, count] of tries) if (count + 1 < TRIES) this.#tries.set(podRef, count + 1);
      if (this.#tries.size > 0) throw error;
    }
  }

  #add(podRef: string): void {
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
