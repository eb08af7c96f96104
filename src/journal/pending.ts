/**
 * Pending releases: those that a store did not take, and that its node keeps until it does.
 *
 * They are delivered store by store. A store is tried with one of them, chosen at random, before the others are sent; so one that does not
 * answer costs one attempt, and no release stands in the way of the others, nor one store in that of another.
 *
 * @module
 */
import { startDeadline } from "../async/deadline.ts";
import { SILENT } from "../world/log.ts";
import type { World } from "../world/world.ts";
import { isTemporary, quietly, releaseByRecord, type ReleaseHost } from "./deliver.ts";
import { storeName } from "./facts.ts";
import { lockAttachment } from "./lock.ts";
import type { JournalRecord } from "./record.ts";

/**
 * What a process that serves one call may add to it: releases that are read, and those that are delivered. They may take as long as the call
 * took, within these milliseconds: a release needs about the requests of the call, so a slow store delivers one in that time, too.
 */
const AFTER_CALL = { read: 20, deliver: 5, minTime: 50, maxTime: 2_000 };
/**
 * Milliseconds after which a release that is still refused or unanswered is given up, where a sweep covers the store: a day, in which an
 * outage ends or somebody looks after it.
 */
export const GIVEN_UP_AFTER = 24 * 3_600_000;

/** What a delivery to one store came to. */
export interface Delivery {
  /** Releases that were delivered. */
  readonly delivered: number;
  /** Releases that were given up: the sweep frees what they were for. */
  readonly givenUp: readonly JournalRecord[];
  /** The first failure. Absent where all that was tried was delivered. */
  readonly error?: unknown;
}

/** Pending releases by the store that they are for. */
export function groupByStore(records: readonly JournalRecord[]): Map<string, JournalRecord[]> {
  return Map.groupBy(records, ({ store, conf }) => store ? storeName(store) : `as configured: ${conf}`);
}

/**
 * Delivers releases of one store.
 *
 * @param records all of one store
 * @param max so many at most; in a process that goes on, concurrently, so that they share reads and writes of their pools
 */
export async function deliverPending(
  host: ReleaseHost,
  records: readonly JournalRecord[],
  max: number,
  signal: AbortSignal,
): Promise<Delivery> {
  const failures: unknown[] = [];
  const givenUp: JournalRecord[] = [];
  let delivered = 0;
  /** Whether the store may take others. */
  const deliver = async (record: JournalRecord): Promise<boolean> => {
    try {
      if (await deliverOne(host, record, signal)) delivered++;
      return true;
    } catch (failure) {
      failures.push(failure);
      if (isExpired(host.world, record) && await giveUp(host, record)) givenUp.push(record);
      return !isTemporary(failure, signal);
    }
  };
  const [first, ...others] = shuffled(records, host.world).slice(0, max);
  if (first && await deliver(first)) {
    if (host.delivers) await Promise.all(others.map(deliver));
    else for (const record of others) if (!await deliver(record)) break;
  }
  const [error] = failures;
  return { delivered, givenUp, ...(error !== undefined && { error }) };
}

/** @returns false where it is not pending any more */
async function deliverOne(host: ReleaseHost, record: JournalRecord, signal: AbortSignal): Promise<boolean> {
  const journal = host.journal(SILENT);
  using _lock = await lockAttachment(host, record, signal);
  if (!await journal?.isPending(record)) return false;
  await releaseByRecord(host, undefined, record, signal);
  await quietly(() => journal?.forget(record), SILENT);
  return true;
}

/** Only the controller of a cluster sweeps, so releases for other stores are kept for ever. */
function isExpired(world: World, { store, pendingSince }: JournalRecord): boolean {
  return store?.kind === "kubernetes" && pendingSince !== undefined && world.now() - pendingSince > GIVEN_UP_AFTER;
}

async function giveUp(host: ReleaseHost, record: JournalRecord): Promise<boolean> {
  const journal = host.journal(SILENT);
  return await journal?.forget(record).then(() => true, () => false) ?? false;
}

function shuffled<T>(items: readonly T[], { random }: Pick<World, "random">): T[] {
  return items.map((item) => ({ item, at: random() })).sort((a, b) => a.at - b.at).map(({ item }) => item);
}

/**
 * Delivers a few releases after a call that their store has answered. Whether that works is not reported.
 *
 * @param stores names of the stores that the call used, which are still open
 * @param took milliseconds that the call took
 */
export async function deliverAfterCall(
  host: ReleaseHost,
  stores: ReadonlySet<string>,
  took: number,
  signal: AbortSignal,
): Promise<void> {
  const { minTime, maxTime, read, deliver } = AFTER_CALL;
  using limit = startDeadline(
    host.world,
    Math.min(Math.max(took, minTime), maxTime),
    new Error("No time left for pending releases"),
    signal,
  );
  const pending = await host.journal(SILENT)?.pending(read).catch(() => []) ?? [];
  for (const [store, records] of groupByStore(pending)) {
    if (stores.has(store)) await deliverPending(host, records, deliver, limit.signal);
  }
}
