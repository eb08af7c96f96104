/**
 * Frees the addresses of a pod when it is deleted or has finished: reads the evidence about the pod's entries immediately, and again when they
 * are due, as a sweep does with suspects.
 *
 * Pools are searched by podRef, so that the network, node or attachment of an entry need not exist any longer.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import type { Sweeps, Swept } from "../ipam/sweep.ts";
import type { Entry } from "../pool/types.ts";
import type { PodFacts } from "../pool/pod_facts.ts";
import type { MirrorListener } from "./mirror.ts";

/** Attempts for one pod; after them its addresses are left to the next sweep. */
const MAX_ATTEMPTS = 5;

/** Receives the outcome. */
interface PodReleaseListener {
  /** The entries of the pods were checked; addresses may have been freed. */
  readonly checked: (swept: Swept) => void;
  /** The addresses of these pods could not be freed. */
  readonly failed: (podRefs: readonly string[], error: unknown) => void;
}

/**
 * Queue of deleted and finished pods whose addresses are to be freed.
 *
 * A pod that returns under the same name is checked once more when it is running and reports its addresses: before that, the entries of the
 * former pod cannot be told apart from its own.
 */
export class PodReleases {
  /** Failed attempts by podRef. */
  readonly #queue = new Map<string, number>();
  readonly #returned = new Set<string>();
  readonly #trigger: () => void;
  readonly #deleted: (pod: PodFacts) => void;

  /** `trigger` is called when a pod is queued, `deleted` with each deleted pod as last seen. */
  constructor(trigger: () => void, deleted: (pod: PodFacts) => void = () => {}) {
    this.#trigger = trigger;
    this.#deleted = deleted;
  }

  /** Listens to the mirror of pods. */
  readonly listener: MirrorListener<PodFacts> = {
    put: (pod, before) => {
      const replaced = before !== undefined && pod.uid !== before.uid; // the deletion of the former pod was missed
      if (replaced) this.#deleted(before);
      const reports = this.#returned.has(pod.podRef) && pod.running && pod.interfaces !== undefined;
      if (replaced || reports || stageOf(pod) > stageOf(before)) this.#add(pod.podRef);
    },
    removed: (pod) => {
      this.#deleted(pod);
      this.#add(pod.podRef);
    },
  };

  /**
   * Frees the addresses of queued pods.
   *
   * @throws the failure, if pods remain queued: call it again
   */
  async work(sweeps: Pick<Sweeps, "scan">, listener: PodReleaseListener, signal: AbortSignal): Promise<void> {
    const queue = new Map(this.#queue);
    if (queue.size === 0) return;
    this.#queue.clear();
    let swept: Swept;
    try {
      swept = await sweeps.scan(signal, { podRefs: new Set(queue.keys()), reservations: false });
    } catch (error) {
      signal.throwIfAborted();
      return this.#requeue(queue, error, listener);
    }
    listener.checked(swept);
    for (const { allocation } of [...swept.kept, ...swept.unconfirmed]) this.#returned.add(allocation.podRef);
    const { failures, failed } = swept;
    if (failures.length === 0) return;
    const failedPods = new Set(failed.map(({ allocation }) => allocation.podRef));
    const error = failures.length === 1 ? failures[0] : new AggregateError(failures, describe(failed));
    this.#requeue(new Map([...queue].filter(([podRef]) => failedPods.has(podRef))), error, listener);
  }

  /** Throws the error if a pod has an attempt left. */
  #requeue(queue: ReadonlyMap<string, number>, error: unknown, listener: PodReleaseListener): void {
    const givenUp = [...queue].filter(([, attempts]) => attempts + 1 >= MAX_ATTEMPTS).map(([podRef]) => podRef);
    if (givenUp.length > 0) listener.failed(givenUp, error);
    const remaining = [...queue].filter(([, attempts]) => attempts + 1 < MAX_ATTEMPTS);
    for (const [podRef, attempts] of remaining) if (!this.#queue.has(podRef)) this.#queue.set(podRef, attempts + 1);
    if (remaining.length > 0) throw error;
  }

  #add(podRef: string): void {
    this.#returned.delete(podRef);
    this.#queue.set(podRef, 0);
    this.#trigger();
  }
}

/** How far a pod has ended. Each stage is evidence that the one before it is not. */
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
