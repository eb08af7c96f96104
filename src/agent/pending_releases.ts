/**
 * Retries the pending releases of a node until their stores accept them, each store at its own pace.
 *
 * @module
 */
import type { ReleaseHost } from "../journal/release.ts";
import { completePending, GAVE_UP, groupByStore, type PendingOutcome } from "../journal/pending.ts";
import type { JournalRecord } from "../journal/record.ts";
import { type Backoff, backoff } from "../async/backoff.ts";
import { startDeadline } from "../async/deadline.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";

/**
 * Milliseconds between two rounds of a store: `first`, doubled up to `max` while the store fails. Each interval is shortened at random by up
 * to half: after an outage, thousands of nodes must not send their releases at the same time.
 */
const INTERVAL: Backoff = { first: 1_000, max: 30_000 };
/** Min milliseconds between two reads of the journal: it may have thousands of releases, and every DEL wakes the loop. */
const MIN_READ_INTERVAL = 500;
/** Milliseconds that one round of a store may take: a store that answers no release costs two of the longest intervals. */
const ROUND_TIMEOUT = 60_000;
/** Max releases per round: they fit into its time even at half a second each. */
const MAX_PER_ROUND = 100;

/** Observes what becomes of pending releases. */
interface PendingObserver {
  /** Releases were completed. */
  readonly onCompleted: (count: number) => void;
  /** Releases were given up. */
  readonly onGivenUp: (count: number) => void;
}

/** A store with pending releases. */
interface Store {
  /** Failed rounds since the last success. */
  failures: number;
  /** When its next round starts, in monotonic milliseconds. */
  due: number;
  round: Promise<void> | undefined;
}

/** Retries in the background until it is disposed. */
export class PendingReleases implements AsyncDisposable {
  readonly #world: World;
  readonly #host: ReleaseHost;
  readonly #log: Logger;
  readonly #observer: PendingObserver;
  readonly #stop = new AbortController();
  readonly #stores = new Map<string, Store>();
  readonly #done: Promise<void>;
  #awake = new AbortController();
  #count = 0;
  #read = 0;

  /** Starts immediately. */
  constructor(host: ReleaseHost, log: Logger, observer: PendingObserver) {
    this.#world = host.world;
    this.#host = host;
    this.#log = log;
    this.#observer = observer;
    this.#done = this.#run();
  }

  /** Pending releases, as of the last read of the journal. */
  get count(): number {
    return this.#count;
  }

  /** Reads the journal soon: a release may have become pending. */
  wake(): void {
    this.#awake.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#done;
    await Promise.all([...this.#stores.values()].map(({ round }) => round));
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#awake = new AbortController();
      await this.#start().catch((error) => this.#log.error("Cannot read the journal", { error: String(error) }));
      await this.#world.sleep(MIN_READ_INTERVAL, signal).catch(() => {});
      const idle = [...this.#stores.values()].filter(({ round }) => !round);
      const delay = Math.min(...idle.map(({ due }) => due - this.#world.monotonic()), INTERVAL.max);
      if (delay > 0) await this.#world.sleep(delay, AbortSignal.any([signal, this.#awake.signal])).catch(() => {});
    }
  }

  /** Whether the journal need not be read: its releases are known, and none of their stores is due. */
  #isKnown(count: number): boolean {
    const now = this.#world.monotonic();
    return count === this.#read && [...this.#stores.values()].every(({ round, due }) => round || due > now);
  }

  /** Starts a round for each store that is due. */
  async #start(): Promise<void> {
    const journal = this.#host.journal(this.#log);
    const count = await journal?.countPending() ?? 0;
    this.#count = count;
    if (this.#isKnown(count)) return;
    const pending = count > 0 ? await journal?.pending() ?? [] : [];
    this.#read = pending.length;
    const groups = groupByStore(pending);
    for (const [name, { round }] of this.#stores) if (!round && !groups.has(name)) this.#stores.delete(name);
    for (const [name, records] of groups) {
      const store = this.#stores.get(name) ?? { failures: 0, due: 0, round: undefined };
      this.#stores.set(name, store);
      if (store.round || store.due > this.#world.monotonic()) continue;
      store.round = this.#complete(store, records).finally(() => {
        store.round = undefined;
        this.wake();
      });
    }
  }

  /** Never rejects. */
  async #complete(store: Store, records: readonly JournalRecord[]): Promise<void> {
    using deadline = startDeadline(this.#world, ROUND_TIMEOUT, new Error("The round took too long"), this.#stop.signal);
    const outcome = await completePending(this.#host, records, MAX_PER_ROUND, deadline.signal);
    const { completed, error } = outcome;
    this.#count -= completed;
    if (completed > 0) this.#observer.onCompleted(completed);
    store.failures = error === undefined || completed > 0 ? 0 : store.failures + 1;
    const interval = backoff(INTERVAL, store.failures);
    store.due = this.#world.monotonic() + interval * (1 - this.#world.random() / 2);
    if (!this.#stop.signal.aborted) this.#report(outcome, records);
  }

  #report({ completed, givenUp, error }: PendingOutcome, records: readonly JournalRecord[]): void {
    const [first] = records;
    const store = first?.store?.kind ?? "unknown";
    if (error !== undefined) {
      this.#log.error("Pending releases failed; retrying", {
        store,
        network: first?.network,
        pending: records.length - completed - givenUp.length,
        error: String(error),
      });
    }
    if (givenUp.length > 0) this.#observer.onGivenUp(givenUp.length);
    for (const { network, containerId, ifName } of givenUp) {
      this.#log.warn(GAVE_UP, { network, container: containerId, if: ifName });
    }
  }
}
