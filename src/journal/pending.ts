/**
 * Pending releases: those that a store did not accept, and that the node keeps until it does.
 *
 * They are completed store by store: first a random one, and the others only if the store answers. So a store that does not answer costs one
 * attempt, and neither a release nor a store blocks others.
 *
 * @module
 */
import { startDeadline } from "../async/deadline.ts";
import { makeLogger, SILENT } from "../world/log.ts";
import type { World } from "../world/world.ts";
import { isTemporary, quietly, recordFields, releaseByRecord, type ReleaseHost } from "./release.ts";
import { storeName } from "./facts.ts";
import { lockAttachment } from "./journal.ts";
import type { JournalRecord } from "./record.ts";

/**
 * What a process that serves one call may do after it: max releases to read and to complete. They may take as long as the call took, between
 * `minTime` and `maxTime` milliseconds: a release sends about as many requests as the call, so even a slow store completes
 * one in that time.
 */
const AFTER_CALL = { read: 20, complete: 5, minTime: 50, maxTime: 2_000 };
/**
 * Milliseconds after which a release that still fails is given up, if a sweep covers its store: within a day an outage ends, or somebody
 * repairs it.
 */
export const GIVEN_UP_AFTER = 24 * 3_600_000;

/** The log line of a release that was given up. */
export const GAVE_UP = "Gave up a pending release after a day; the sweep frees its address";

/** What became of the pending releases of one store. */
export interface PendingOutcome {
  /** Number of completed releases. */
  readonly completed: number;
  /** Releases that were given up: the sweep frees their addresses. */
  readonly givenUp: readonly JournalRecord[];
  /** The first failure. Absent if every attempt succeeded. */
  readonly error?: unknown;
}

/** Groups pending releases by their store. */
export function groupByStore(records: readonly JournalRecord[]): Map<string, JournalRecord[]> {
  return Map.groupBy(records, ({ store, conf }) => store ? storeName(store) : `as configured: ${conf}`);
}

/**
 * Completes releases of one store.
 *
 * @param records all of one store
 * @param max max releases; a process that keeps running sends them concurrently, so that they share reads and writes of their pools
 */
export async function completePending(
  host: ReleaseHost,
  records: readonly JournalRecord[],
  max: number,
  signal: AbortSignal,
): Promise<PendingOutcome> {
  const failures: unknown[] = [];
  const givenUp: JournalRecord[] = [];
  let completed = 0;
  /** Returns whether the store may accept others. */
  const complete = async (record: JournalRecord): Promise<boolean> => {
    try {
      if (await completeOne(host, record, signal)) completed++;
      return true;
    } catch (failure) {
      failures.push(failure);
      if (isExpired(host.world, record) && await giveUp(host, record, signal).catch(() => false)) givenUp.push(record);
      return !isTemporary(failure, signal);
    }
  };
  const [first, ...others] = shuffled(records, host.world).slice(0, max);
  if (first && await complete(first)) {
    if (host.retriesPending) await Promise.all(others.map(complete));
    else for (const record of others) if (!await complete(record)) break;
  }
  const [error] = failures;
  return { completed, givenUp, ...(error !== undefined && { error }) };
}

/** @returns false if the release is no longer pending */
async function completeOne(host: ReleaseHost, record: JournalRecord, signal: AbortSignal): Promise<boolean> {
  const journal = host.journal(SILENT);
  using _lock = await lockAttachment(host, record, signal);
  if (!await journal?.isPending(record)) return false;
  await releaseByRecord(host, undefined, record, signal);
  await quietly(() => journal?.remove(record), SILENT);
  return true;
}

/** Only the controller of a cluster sweeps, so releases for other stores never expire. */
function isExpired(world: World, { store, pendingSince }: JournalRecord): boolean {
  return store?.kind === "kubernetes" && pendingSince !== undefined && world.now() - pendingSince > GIVEN_UP_AFTER;
}

/** @returns false if the release is no longer pending: an ADD of the same attachment may have succeeded meanwhile */
async function giveUp(host: ReleaseHost, record: JournalRecord, signal: AbortSignal): Promise<boolean> {
  const journal = host.journal(SILENT);
  using _lock = await lockAttachment(host, record, signal);
  if (!await journal?.isPending(record)) return false;
  await journal?.remove(record);
  return true;
}

function shuffled<T>(items: readonly T[], { random }: Pick<World, "random">): T[] {
  return items.map((item) => ({ item, at: random() })).sort((a, b) => a.at - b.at).map(({ item }) => item);
}

/**
 * Completes a few releases for the stores that answered a call. Failures are not reported, but what is given up is logged.
 *
 * @param stores names of the stores that the call used, which are still open
 * @param took milliseconds that the call took
 */
export async function completeAfterCall(
  host: ReleaseHost,
  stores: ReadonlySet<string>,
  took: number,
  signal: AbortSignal,
): Promise<void> {
  const { minTime, maxTime, read, complete } = AFTER_CALL;
  using deadline = startDeadline(
    host.world,
    Math.min(Math.max(took, minTime), maxTime),
    new Error("No time left for pending releases"),
    signal,
  );
  const pending = await host.journal(SILENT)?.pending(read).catch(() => []) ?? [];
  for (const [store, records] of groupByStore(pending)) {
    if (!stores.has(store)) continue;
    const { givenUp } = await completePending(host, records, complete, deadline.signal);
    for (const record of givenUp) makeLogger(host.world, { level: "warning" }).warn(GAVE_UP, recordFields(record));
  }
}
