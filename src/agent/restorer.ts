/**
 * Recreates lost entries of this node's pods from the journal while the sandbox's network namespace exists. Entries are lost if a store is
 * restored to an older copy, or if somebody deletes a pool. The entries of a range that was resized are compared and recreated in the pool to
 * which they have moved.
 *
 * @module
 */
import type { Host } from "../cni/host.ts";
import { formatIp } from "../address/ip.ts";
import type { RecordedEntry } from "../ipam/recorded.ts";
import type { Ipam } from "../ipam/ipam.ts";
import { readMoved } from "../ipam/moved.ts";
import { compareRecorded, restoreEntry } from "../ipam/restore.ts";
import type { Configured } from "../config/configure.ts";
import type { ReleaseHost } from "../journal/release.ts";
import { recordedStore, storeName } from "../journal/facts.ts";
import { type Journal, lockAttachment } from "../journal/journal.ts";
import { namespaceExists } from "../journal/namespace.ts";
import { planRelease } from "../journal/plan.ts";
import type { JournalRecord } from "../journal/record.ts";
import { addressOf, formatPoolKey, type Owner, type PoolKey } from "../pool/types.ts";
import { startDeadline } from "../async/deadline.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";

/** Milliseconds between two rounds. A round reads each pool of this node once, and a large cluster has thousands of nodes. */
const INTERVAL = 30 * 60_000;
/** Milliseconds after a start or an outage within which each node begins at a random time: of a thousand nodes, a hundred per second. */
const SPREAD = 10_000;
/** Min milliseconds between two rounds, even if woken: a store with many short outages wakes the loop after each. */
const MIN_INTERVAL = 60_000;
/** Milliseconds that a round may take: two stores that do not answer take 100 s. */
const ROUND_TIMEOUT = 120_000;

/** Observes rounds. */
interface RestoreObserver {
  /** Entries were recreated. */
  readonly onRestored: (count: number) => void;
}

/** An entry of a record. */
interface Recorded {
  readonly record: JournalRecord;
  readonly entry: RecordedEntry;
}

/** The records of one store. */
interface StoreRecords {
  readonly plan: Configured;
  readonly entries: Recorded[];
}

/** Runs rounds in the background until it is disposed. */
export class Restorer implements AsyncDisposable {
  readonly #world: World;
  readonly #host: Host;
  readonly #log: Logger;
  readonly #observer: RestoreObserver;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  #awake = new AbortController();
  #duplicates = 0;

  /** Starts the first round after a random delay. */
  constructor(host: Host, log: Logger, observer: RestoreObserver) {
    this.#world = host.world;
    this.#host = host;
    this.#log = log;
    this.#observer = observer;
    this.#done = this.#run();
  }

  /** Addresses of this node's pods that are allocated to another pod too, as of the last round. */
  get duplicates(): number {
    return this.#duplicates;
  }

  /** Starts a round early: entries may be lost, because a store answers again after an outage or lacks an entry. */
  wake(): void {
    this.#awake.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    await this.#sleep(this.#world.random() * SPREAD);
    while (!this.#stop.signal.aborted) {
      this.#awake = new AbortController();
      await this.#round().catch((error) =>
        this.#log.error("Cannot compare the journal with the store", {
          error: String(error),
          next: `${INTERVAL / 60_000} min`,
        })
      );
      await this.#sleep(MIN_INTERVAL);
      await this.#sleep(INTERVAL * (0.5 + this.#world.random()), this.#awake.signal);
      await this.#sleep(this.#world.random() * SPREAD);
    }
  }

  async #sleep(milliseconds: number, until?: AbortSignal): Promise<void> {
    const signal = until ? AbortSignal.any([this.#stop.signal, until]) : this.#stop.signal;
    await this.#world.sleep(milliseconds, signal).catch(() => {});
  }

  async #round(): Promise<void> {
    using deadline = startDeadline(this.#world, ROUND_TIMEOUT, new Error("The round took too long"), this.#stop.signal);
    const { signal } = deadline;
    const journal = this.#host.journal(this.#log);
    if (!journal) return;
    const stores = await storesOf(this.#host, await journal.inUse());
    let duplicates = 0;
    for (const store of stores) {
      duplicates += await this.#compare(journal, store, signal).catch((error) => {
        this.#log.error("Cannot compare the journal with a store", { error: String(error) });
        return 0;
      });
    }
    this.#duplicates = duplicates;
  }

  /** @returns how many addresses are allocated to another pod too */
  async #compare(journal: Journal, { plan, entries }: StoreRecords, signal: AbortSignal): Promise<number> {
    await using ipam = await this.#host.open(plan.config, plan.log, signal);
    let duplicates = 0;
    for (const ofPool of Map.groupBy(entries, ({ entry }) => formatPoolKey(entry.key)).values()) {
      const [first] = ofPool;
      if (!first) continue;
      const addresses = ofPool.map(({ entry }) => addressOf(entry));
      const pools = await readMoved(ipam.driver, [first.entry.key], addresses, signal);
      for (const { record, entry } of ofPool) {
        const state = compareRecorded(pools, entry);
        if (state.kind === "present") continue;
        if (state.kind === "duplicate") this.#report(state.key, entry.allocation, state.holder);
        const lost = { record, entry: { ...entry, key: state.key } };
        if (state.kind === "duplicate" || await this.#restore(journal, ipam, lost, signal)) duplicates++;
      }
    }
    return duplicates;
  }

  /** Takes the attachment's lock, so that it detects a concurrent DEL. @returns whether the address is allocated to another pod now */
  async #restore(journal: Journal, ipam: Ipam, { record, entry }: Recorded, signal: AbortSignal): Promise<boolean> {
    using _lock = await lockAttachment(this.#host, record, signal);
    const isInUse = await journal.find(record) !== undefined && !await journal.isPending(record);
    if (!isInUse || !await namespaceExists(this.#world, record)) return false;
    const outcome = await restoreEntry(ipam, entry, signal);
    if (outcome.kind === "duplicate") this.#report(entry.key, entry.allocation, outcome.holder);
    if (outcome.kind !== "restored") return outcome.kind === "duplicate";
    this.#observer.onRestored(1);
    const { podRef, ifName, containerId } = entry.allocation;
    this.#log.warn("Recreated an entry that the store had lost", {
      ...{ ip: textOf(entry), pool: formatPoolKey(entry.key), pod: podRef, if: ifName, container: containerId },
    });
    return false;
  }

  #report(key: PoolKey, allocation: RecordedEntry["allocation"], holder: Owner): void {
    this.#log.error("An address of a running pod is allocated to another pod too: restart one of the two", {
      ip: textOf({ key, allocation }),
      pool: formatPoolKey(key),
      pod: allocation.podRef,
      if: allocation.ifName,
      other: holder.podRef,
      otherIf: holder.ifName,
    });
  }
}

function textOf({ key, allocation }: RecordedEntry): string {
  return formatIp({ family: key.cidr.family, value: allocation.address });
}

/** Records whose sandbox exists, by store. Skips records whose store is unknown now; the next round tries again. */
async function storesOf(host: ReleaseHost, records: readonly JournalRecord[]): Promise<StoreRecords[]> {
  const stores = new Map<string, StoreRecords>();
  for (const record of records) {
    if (record.entries.length === 0 || !await namespaceExists(host.world, record)) continue;
    const plan = await planRelease(host, undefined, record).catch(() => undefined);
    if (!plan) continue;
    const name = storeName(recordedStore(plan.config.datastore));
    const known = stores.get(name) ?? { plan, entries: [] };
    stores.set(name, known);
    known.entries.push(...record.entries.map((entry) => ({ record, entry })));
  }
  return [...stores.values()];
}
