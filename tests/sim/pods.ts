/**
 * The pods of a simulated cluster, as its API server stores them and as watchers receive them: delayed, stale, or not at all for a while.
 *
 * @module
 */
import type { Feed, FeedEvent } from "../../src/controllers/cluster.ts";
import type { PodFacts } from "../../src/pool/pod_facts.ts";
import { ConflictError, UnavailableError } from "../../src/storage/driver.ts";
import { startDeadline } from "../../src/async/deadline.ts";
import type { Process, Scheduler } from "./scheduler.ts";
import { operate } from "./store.ts";

type PodEvent = FeedEvent<PodFacts> & { readonly kind: "put" | "gone" };

/** Shares of watches that end, and of lists that are stale, while faults are on. */
const FAULTS = { cut: 0.03, tooOld: 0.02, stale: 0.1 };

/** Milliseconds that a list may take, as in the driver. */
const LIST_TIMEOUT = 60_000;

/** Pod objects. */
export class PodObjects {
  readonly #scheduler: Scheduler;
  readonly #pods = new Map<string, PodFacts>();
  readonly #events: PodEvent[] = [];
  #changed = Promise.withResolvers<void>();
  #uid = 0;

  /** Starts without pods. */
  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  /** All pods, as stored. */
  values(): PodFacts[] {
    return [...this.#pods.values()];
  }

  /** One pod, as stored. */
  get(podRef: string): PodFacts | undefined {
    return this.#pods.get(podRef);
  }

  /** Creates a pod without addresses; an existing pod of that name is removed first. */
  create(podRef: string): void {
    this.remove(podRef);
    this.#put({ podRef, uid: String(++this.#uid), finished: false, running: false });
  }

  /** Marks a pod as running, with these addresses in its network-status. */
  runs(podRef: string, addresses: readonly string[]): void {
    const pod = this.#pods.get(podRef);
    if (pod) {
      this.#put({
        ...pod,
        running: true,
        addresses,
        interfaces: [{ ifName: "net1", network: "", ips: addresses }],
      });
    }
  }

  /** Marks a pod as finished; its object remains. */
  finish(podRef: string): void {
    const pod = this.#pods.get(podRef);
    if (pod) this.#put({ ...pod, running: false, finished: true });
  }

  /** Deletes a pod. */
  remove(podRef: string): void {
    const item = this.#pods.get(podRef);
    if (!item) return;
    this.#pods.delete(podRef);
    this.#happened({ kind: "gone", item, version: this.#version(1) });
  }

  /** The pods as a process reads them over a network that fails. */
  feed(process: Process): Feed<PodFacts> {
    return {
      name: "pods",
      keyOf: ({ podRef }) => podRef,
      list: async (signal) => {
        const clock = { sleep: this.#scheduler.sleep.bind(this.#scheduler, process) };
        using limit = startDeadline(clock, LIST_TIMEOUT, new UnavailableError("simulated: no page came"), signal);
        return await operate(this.#scheduler, process, "list pods", limit.signal, () => Promise.resolve(this.#list()));
      },
      watch: (version, signal) => this.#watch(process, Number(version), signal),
    };
  }

  /** One pod as a process reads it: never stale. */
  find(process: Process, podRef: string, signal: AbortSignal): Promise<PodFacts | undefined> {
    return operate(this.#scheduler, process, "find pod", signal, () => Promise.resolve(this.#pods.get(podRef)));
  }

  #list(): { readonly items: readonly PodFacts[]; readonly version: string } {
    const { faults } = this.#scheduler;
    const behind = faults && this.#scheduler.chance(FAULTS.stale) ? this.#scheduler.below(8) : 0;
    const seen = this.#events.slice(0, Math.max(0, this.#events.length - behind));
    const pods = new Map<string, PodFacts>();
    for (const { kind, item } of seen) {
      if (kind === "put") pods.set(item.podRef, item);
      else pods.delete(item.podRef);
    }
    return { items: [...pods.values()], version: `${seen.length + 1}` };
  }

  async *#watch(process: Process, version: number, signal: AbortSignal): AsyncGenerator<FeedEvent<PodFacts>> {
    for (let at = version - 1;; at++) {
      while (at >= this.#events.length) await orAborted(this.#changed.promise, signal);
      await orAborted(this.#scheduler.gate(process, "watch pods"), signal);
      if (this.#scheduler.outage) throw new UnavailableError("simulated: the watch broke");
      if (this.#scheduler.faults && this.#scheduler.chance(FAULTS.cut)) throw new UnavailableError("simulated: cut");
      if (this.#scheduler.faults && this.#scheduler.chance(FAULTS.tooOld)) throw new ConflictError("simulated: 410");
      const event = this.#events[at];
      if (event) yield event;
    }
  }

  #put(item: PodFacts): void {
    this.#pods.set(item.podRef, item);
    this.#happened({ kind: "put", item, version: this.#version(1) });
  }

  /** The version after `more` events. Versions begin at 1: an empty version means that the resource does not exist. */
  #version(more: number): string {
    return `${this.#events.length + more + 1}`;
  }

  #happened(event: PodEvent): void {
    this.#events.push(event);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
