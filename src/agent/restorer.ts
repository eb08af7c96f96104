/**
 * Keeps what runs on this node in the store: entries that were lost, when a store was set back to an older copy or somebody deleted a pool,
 * are recreated from the journal while the sandbox's network namespace exists.
 *
 * @module
 */
import type { Host } from "../cni/host.ts";
import { formatIp } from "../address/ip.ts";
import type { RecordedEntry } from "../ipam/recorded.ts";
import type { Ipam } from "../ipam/ipam.ts";
import { restoreEntry } from "../ipam/restore.ts";
import type { Configured } from "../config/configure.ts";
import type { ReleaseHost } from "../journal/deliver.ts";
import { recordedStore, storeName } from "../journal/facts.ts";
import type { Journal } from "../journal/journal.ts";
import { lockAttachment } from "../journal/lock.ts";
import { namespaceExists } from "../journal/namespace.ts";
import { planRelease } from "../journal/plan.ts";
import type { JournalRecord } from "../journal/record.ts";
import { compareRemembered } from "../pool/restore.ts";
import { formatPoolKey, type Owner, type PoolKey } from "../pool/types.ts";
import { startDeadline } from "../async/deadline.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";

/** Milliseconds between two rounds: each reads every pool that this node uses once, and a large cluster has thousands of nodes. */
const INTERVAL = 30 * 60_000;
/** Milliseconds after a start or an outage within which nodes begin, each at a time of its own. */
const SPREAD = 10_000;
/** Milliseconds between two rounds, at least, whatever happens. */
const LEAST_INTERVAL = 60_000;
/** Milliseconds that a round may take. */
const ROUND_TIMEOUT = 120_000;

/** What rounds came to. */
export interface RestoreObserver {
  /** Entries were recreated. */
  readonly onRestored: (count: number) => void;
}

/** An address of a record, in a pool of a store. */
interface Remembered {
  readonly record: JournalRecord;
  readonly held: RecordedEntry;
}

/** The records of one store. */
interface StoreRecords {
  readonly plan: Configured;
  readonly remembered: Remembered[];
}

/** Works in the background until it is disposed. */
export class Restorer implements AsyncDisposable {
  readonly #world: World;
  readonly #host: Host;
  readonly #log: Logger;
  readonly #observer: RestoreObserver;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  #awake = new AbortController();
  #duplicates = 0;

  /** Begins soon. */
  constructor(host: Host, log: Logger, observer: RestoreObserver) {
    this.#world = host.world;
    this.#host = host;
    this.#log = log;
    this.#observer = observer;
    this.#done = this.#run();
  }

  /** Addresses of this node that are somebody else's too, as of the last round. */
  get duplicates(): number {
    return this.#duplicates;
  }

  /** Something may have been lost: a store came back after an outage, or lacks an entry. */
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
      await this.#sleep(LEAST_INTERVAL);
      await this.#sleep(INTERVAL * (0.5 + this.#world.random()), this.#awake.signal);
      await this.#sleep(this.#world.random() * SPREAD);
    }
  }

  async #sleep(milliseconds: number, until?: AbortSignal): Promise<void> {
    const signal = until ? AbortSignal.any([this.#stop.signal, until]) : this.#stop.signal;
    await this.#world.sleep(milliseconds, signal).catch(() => {});
  }

  async #round(): Promise<void> {
    using limit = startDeadline(this.#world, ROUND_TIMEOUT, new Error("The round took too long"), this.#stop.signal);
    const { signal } = limit;
    const journal = this.#host.journal(this.#log);
    if (!journal) return;
    const stores = await storesOf(this.#host, await journal.held());
    let duplicates = 0;
    for (const store of stores) {
      duplicates += await this.#compare(journal, store, signal).catch((error) => {
        this.#log.error("Cannot compare the journal with a store", { error: String(error) });
        return 0;
      });
    }
    this.#duplicates = duplicates;
  }

  /** @returns how many addresses are somebody else's too */
  async #compare(journal: Journal, { plan, remembered }: StoreRecords, signal: AbortSignal): Promise<number> {
    await using ipam = await this.#host.open(plan.config, plan.log, signal);
    let duplicates = 0;
    for (const ofPool of Map.groupBy(remembered, ({ held }) => formatPoolKey(held.key)).values()) {
      const [first] = ofPool;
      if (!first) continue;
      const pool = await ipam.driver.read(first.held.key, signal);
      const found = compareRemembered(pool.allocations, ofPool.map(({ held }) => held.allocation));
      for (const { allocation, holder } of found.duplicates) this.#report(first.held.key, allocation, holder);
      duplicates += found.duplicates.length;
      for (const one of ofPool.filter(({ held }) => found.lost.includes(held.allocation))) {
        if (await this.#restore(journal, ipam, one, signal)) duplicates++;
      }
    }
    return duplicates;
  }

  /** Under the attachment's lock: a DEL that is served now, or was, ends it. @returns whether the address is somebody else's by now */
  async #restore(journal: Journal, ipam: Ipam, { record, held }: Remembered, signal: AbortSignal): Promise<boolean> {
    using _lock = await lockAttachment(this.#host, record, signal);
    const isThere = await journal.find(record) !== undefined && !await journal.isPending(record);
    if (!isThere || !await namespaceExists(this.#world, record)) return false;
    const outcome = await restoreEntry(ipam, held, signal);
    if (outcome.kind === "duplicate") this.#report(held.key, held.allocation, outcome.holder);
    if (outcome.kind !== "restored") return outcome.kind === "duplicate";
    this.#observer.onRestored(1);
    const { podRef, ifName, containerId } = held.allocation;
    this.#log.warn("Recreated an entry that the store had lost", {
      ...{ ip: textOf(held), pool: formatPoolKey(held.key), pod: podRef, if: ifName, container: containerId },
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

/** Records whose sandbox exists, by their stores. A store that is not known now is left to the next round. */
async function storesOf(host: ReleaseHost, records: readonly JournalRecord[]): Promise<StoreRecords[]> {
  const stores = new Map<string, StoreRecords>();
  for (const record of records) {
    if (record.held.length === 0 || !await namespaceExists(host.world, record)) continue;
    const plan = await planRelease(host, undefined, record).catch(() => undefined);
    if (!plan) continue;
    const name = storeName(recordedStore(plan.config.datastore));
    const known = stores.get(name) ?? { plan, remembered: [] };
    stores.set(name, known);
    known.remembered.push(...record.held.map((held) => ({ record, held })));
  }
  return [...stores.values()];
}
