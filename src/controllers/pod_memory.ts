/**
 * Deleted pods as last seen: the state in which a pod was deleted shows whether its address can still be in use.
 *
 * @module
 */
import { mayBeNamed } from "../pool/pod_owner.ts";
import type { PodFacts } from "../pool/pod_facts.ts";
import type { Owner } from "../pool/types.ts";

/** Max. deleted pods in memory (a few MB). The sweep waits longer for the addresses of pods that are no longer remembered. */
const MAX_PODS = 5_000;

/** Remembers deleted pods, the last one of each name. */
export class PodMemory {
  readonly #deleted = new Map<string, PodFacts>();
  readonly #find: (podRef: string) => PodFacts | undefined;

  /** `find` returns a pod that was not seen deleted. */
  constructor(find: (podRef: string) => PodFacts | undefined) {
    this.#find = find;
  }

  /** Remembers a pod that was deleted, or replaced by another of its name. */
  remember(pod: PodFacts): void {
    this.#deleted.delete(pod.podRef);
    this.#deleted.set(pod.podRef, pod);
    const [oldest] = this.#deleted.keys();
    if (this.#deleted.size > MAX_PODS && oldest !== undefined) this.#deleted.delete(oldest);
  }

  /** The pod of the owner as last seen: the newest of its name that may be the owner. */
  lastSeen(owner: Owner): PodFacts | undefined {
    const existing = this.#find(owner.podRef);
    return existing && mayBeNamed(existing, owner) ? existing : this.#deleted.get(owner.podRef);
  }
}
