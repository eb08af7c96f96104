/**
 * Pods as they were last seen: what a pod was like when it was deleted tells whether its address can still be in use.
 *
 * @module
 */
import { mayBeNamed } from "../pool/evidence.ts";
import type { PodFacts } from "../pool/pod_facts.ts";
import type { Owner } from "../pool/types.ts";

/** Deleted pods that are remembered, at most: of those before, nothing is known, and the sweep waits longer for them. */
const MOST = 5_000;

/** Deleted pods, the last of each name. */
export class PodMemory {
  readonly #gone = new Map<string, PodFacts>();
  readonly #present: (podRef: string) => PodFacts | undefined;

  /** `present` finds a pod that was not seen deleted. */
  constructor(present: (podRef: string) => PodFacts | undefined) {
    this.#present = present;
  }

  /** A pod was deleted, or replaced by another of its name. */
  remember(pod: PodFacts): void {
    this.#gone.delete(pod.podRef);
    this.#gone.set(pod.podRef, pod);
    const [oldest] = this.#gone.keys();
    if (this.#gone.size > MOST && oldest !== undefined) this.#gone.delete(oldest);
  }

  /** The pod of the owner as it was last seen: the newest of its name that may be the owner's. */
  lastSeen(owner: Owner): PodFacts | undefined {
    const present = this.#present(owner.podRef);
    return present && mayBeNamed(present, owner) ? present : this.#gone.get(owner.podRef);
  }
}
