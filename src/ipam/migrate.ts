/**
 * Moving what a store holds: out of an older layout, and to another store.
 *
 * Whatever is cut off can be run again. A pool is closed before it is copied, so that nobody changes it behind the copy, and forgets its
 * entries only once all of them are durable elsewhere.
 *
 * @module
 */
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
import { reservationOf } from "./reservation.ts";

/** Entries of one commit: an API server takes ten thousand operations at a time, and others want to write between two commits. */
const CHUNK = 500;
/** Reservations that are made at once. */
const AT_ONCE = 10;

/** What became of a record or a pool. */
export interface Migrated {
  /** Whether nothing is left of it at its old place; on a dry run, would be. */
  readonly done: boolean;
  /** Entries that were written; on a dry run, would be. */
  readonly added: number;
  /** Entries that were there already, from an attempt that was cut off. */
  readonly kept: number;
  /** Entries whose address is somebody else's at the new place: they stay, and nothing is done. */
  readonly conflicts: Adoption["conflicts"];
  /** Entries whose address somebody else has reserved: it has two owners, as it had before. */
  readonly foreign: readonly Entry[];
}

/** How a migration is made. */
export interface MigrationOptions {
  /** Look, and change nothing. */
  readonly dryRun: boolean;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Told how many of a pool's entries, then of their reservations, are at their new place. */
  readonly progress?: (key: PoolKey, what: "entries" | "reservations", done: number, all: number) => void;
}

/** Where a migration starts. */
export interface MigrationSource extends Ipam {
  /** How its store gives up what it holds. */
  readonly migration: Migration;
}

/**
 * Converts a record of an older layout: all of it or, where something in it cannot be read or is somebody else's, nothing.
 *
 * @throws what the store threw
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
 * @param pool as it was listed, closed or not
 * @throws what a store threw
 */
export async function movePool(
  from: MigrationSource,
  to: Ipam,
  pool: PoolSnapshot & { readonly closed: boolean },
  options: MigrationOptions,
): Promise<Migrated> {
  const { key } = pool;
  const { dryRun, signal } = options;
  // before it is closed: a store that cannot be reached, or cannot have a pool of this name, shall not keep it closed
  const { allocations } = await to.driver.read(key, signal);
  if (dryRun) return resultOf(adopt(allocations, pool.allocations.values()));
  const { migration } = from;
  const closed = pool.closed
    ? pool
    : await from.onSnapshot(key, (snapshot, limit) => migration.close(snapshot, limit), signal);
  const copied = await copyEntries(to, key, [...closed.allocations.values()], options);
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
  key: PoolKey,
  entries: readonly Allocation[],
  { signal, progress }: MigrationOptions,
): Promise<Migrated> {
  const all: Migrated[] = [];
  for (let at = 0; at === 0 || at < entries.length; at += CHUNK) {
    const adoption = await onSnapshot(key, async (snapshot, limit) => {
      const decided = adopt(snapshot.allocations, entries.slice(at, at + CHUNK));
      if (decided.changes.length > 0) await driver.commit(snapshot, decided.changes, limit);
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
  { driver: { overlaps } }: Ipam,
  key: PoolKey,
  entries: readonly Allocation[],
  { signal, progress }: MigrationOptions,
): Promise<Entry[]> {
  const foreign: Entry[] = [];
  if (!overlaps) return foreign;
  const reserve = async (allocation: Allocation) => {
    const wanted = reservationOf(key, allocation);
    // to a claim, entries without pod and interface look all alike: it would call its own what another container has
    const present = wanted.podRef === "" ? await overlaps.find(wanted.network, wanted.ip, signal) : undefined;
    if (present) return sameOwner(present, wanted);
    return (await overlaps.claim(wanted, signal)).kind !== "foreign";
  };
  for (let at = 0; at < entries.length; at += AT_ONCE) {
    const some = entries.slice(at, at + AT_ONCE);
    const reserved = await Promise.all(some.map(reserve));
    foreign.push(...some.filter((_, i) => !reserved[i]).map((allocation) => ({ key, allocation })));
    const done = at + some.length;
    if (done % CHUNK === 0 || done === entries.length) progress?.(key, "reservations", done, entries.length);
  }
  return foreign;
}
