/**
 * Moves the contents of a store: from an older layout to the current one, or to another store.
 *
 * An interrupted migration can be repeated. A pool is closed before it is copied, so that it cannot change afterwards, and its entries are
 * deleted only after all of them are durable in the other store.
 *
 * @module
 */
import { mapConcurrently } from "../async/concurrency.ts";
import { adopt, type Adoption } from "../pool/adopt.ts";
import {
  type Allocation,
  type Allocations,
  type Entry,
  formatPoolKey,
  type PoolKey,
  sameOwner,
} from "../pool/types.ts";
import type { Migration, OlderRecord, PoolSnapshot } from "../storage/driver.ts";
import type { Ipam } from "./ipam.ts";
import { reservationOf } from "./release_reservation.ts";

/** Entries per commit: an API server accepts ten thousand operations in a patch, and other writers need gaps between commits. */
const CHUNK = 500;
/** Reservations that are created at the same time. */
const MAX_CONCURRENT = 10;

/** The result of migrating a record or a pool. */
export interface Migrated {
  /** Whether the source is empty; in a dry run, would be. */
  readonly done: boolean;
  /** Number of entries written; in a dry run, to write. */
  readonly added: number;
  /** Number of entries that existed, from an interrupted attempt. */
  readonly kept: number;
  /** Entries whose address has another owner in the target: they stay, and nothing is migrated. */
  readonly conflicts: Adoption["conflicts"];
  /** Entries whose address is reserved for another owner: it has two owners, as before. */
  readonly foreign: readonly Entry[];
}

/** Options of a migration. */
export interface MigrationOptions {
  /** Change nothing. */
  readonly dryRun: boolean;
  /** The deadline. */
  readonly signal: AbortSignal;
  /** Called with the number of a pool's entries, then of its reservations, that are done. */
  readonly progress?: (key: PoolKey, what: "entries" | "reservations", done: number, all: number) => void;
}

/** The source of a migration. */
export interface MigrationSource extends Ipam {
  /** The migration operations of its store. */
  readonly migration: Migration;
}

/**
 * Converts a record of an older layout: completely, or not at all if a part is unreadable or an address has another owner.
 *
 * @throws the store's error
 */
export async function convertRecord(
  { migration, driver }: MigrationSource,
  record: OlderRecord,
  { dryRun, signal }: MigrationOptions,
): Promise<Migrated & { readonly faults: readonly string[] }> {
  let faults = record.faults;
  let adoption: Adoption = { changes: [], kept: [], conflicts: [] };
  const decide = (now: OlderRecord, present: Allocations) => {
    faults = now.faults;
    adoption = adopt(present, now.entries);
    return faults.length + adoption.conflicts.length > 0 ? undefined : adoption.changes;
  };
  if (dryRun) {
    const name = formatPoolKey(record.key);
    const pools = await driver.list(signal);
    decide(record, pools.find(({ key }) => formatPoolKey(key) === name)?.allocations ?? new Map());
  } else {
    await migration.convert(record, decide, signal);
  }
  const done = faults.length + adoption.conflicts.length === 0;
  return { ...resultOf(adoption), added: done ? adoption.changes.length : 0, done, faults };
}

/**
 * Moves a pool to another store, and reserves its addresses there.
 *
 * @param pool as listed, closed or not
 * @throws a store's error
 */
export async function movePool(
  from: MigrationSource,
  to: Ipam,
  pool: PoolSnapshot & { readonly closed: boolean },
  options: MigrationOptions,
): Promise<Migrated> {
  const { key } = pool;
  const { dryRun, signal } = options;
  // read before closing: if the target is unavailable, or refuses the pool's name, the pool must not stay closed
  const { allocations } = await to.driver.read(key, signal);
  if (dryRun) return resultOf(adopt(allocations, pool.allocations.values()));
  const { migration } = from;
  const closed = pool.closed
    ? pool
    : await from.onSnapshot(key, (snapshot, deadline) => migration.close(snapshot, deadline), signal);
  const copied = await copyEntries(to, closed, options);
  if (!copied.done) return copied;
  const foreign = await reserveAll(to, key, [...closed.allocations.values()], options);
  await migration.empty(closed, signal);
  return { ...copied, foreign };
}

function resultOf({ changes, kept, conflicts }: Adoption): Migrated {
  return { done: conflicts.length === 0, added: changes.length, kept: kept.length, conflicts, foreign: [] };
}

async function copyEntries(
  { driver, onSnapshot }: Ipam,
  { key, allocations, reuse: recorded }: PoolSnapshot,
  { signal, progress }: MigrationOptions,
): Promise<Migrated> {
  const entries = [...allocations.values()];
  const all: Migrated[] = [];
  for (let at = 0; at === 0 || at < entries.length; at += CHUNK) {
    const adoption = await onSnapshot(key, async (snapshot, deadline) => {
      const decided = adopt(snapshot.allocations, entries.slice(at, at + CHUNK));
      const reuse = driver.recordsReuse && !snapshot.reuse ? recorded : undefined;
      if (decided.changes.length > 0) await driver.commit(snapshot, decided.changes, deadline, reuse);
      return decided;
    }, signal);
    all.push(resultOf(adoption));
    progress?.(key, "entries", Math.min(at + CHUNK, entries.length), entries.length);
  }
  const sum = (count: (one: Migrated) => number) => all.reduce((total, one) => total + count(one), 0);
  return {
    done: all.every(({ done }) => done),
    added: sum(({ added }) => added),
    kept: sum(({ kept }) => kept),
    conflicts: all.flatMap(({ conflicts }) => conflicts),
    foreign: [],
  };
}

async function reserveAll(
  { driver: { reservations } }: Ipam,
  key: PoolKey,
  entries: readonly Allocation[],
  { signal, progress }: MigrationOptions,
): Promise<Entry[]> {
  const foreign: Entry[] = [];
  if (!reservations) return foreign;
  const reserve = async (allocation: Allocation) => {
    const wanted = reservationOf(key, allocation);
    // reserving cannot distinguish entries without pod and interface: it would treat another container's as its own
    const present = wanted.podRef === "" ? await reservations.find(wanted.network, wanted.ip, signal) : undefined;
    if (present) return sameOwner(present, wanted);
    return (await reservations.reserve(wanted, signal)).kind !== "foreign";
  };
  for (let at = 0; at < entries.length; at += CHUNK) {
    const some = entries.slice(at, at + CHUNK);
    const reserved = await mapConcurrently(some, MAX_CONCURRENT, reserve);
    foreign.push(...some.filter((_, i) => !reserved[i]).map((allocation) => ({ key, allocation })));
    progress?.(key, "reservations", at + some.length, entries.length);
  }
  return foreign;
}
