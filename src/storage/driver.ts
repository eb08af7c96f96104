/**
 * The contract between the allocator and a store.
 *
 * A driver translates; it decides nothing. Which address is given, who may have it back and when to try again are decided in
 * `pool/`, `ipam/` and `storage/update.ts`, the same for every store. `tests/drivers/contract.ts` holds the suite that a driver must pass;
 * it is exported for drivers that live elsewhere.
 *
 * Every method takes a signal and ends soon after it aborts, with the signal's reason. Every failure is one of three kinds, told by
 * what the caller shall do next: {@linkcode ConflictError} (read again and decide anew), {@linkcode UnavailableError} (try again
 * later; the write may or may not have been done), anything else (final: {@linkcode RefusedError} where the store itself says no).
 *
 * @module
 */
import type { Ip } from "../address/ip.ts";
import type { Unreadable } from "../pool/finding.ts";
import type { Fence } from "../pool/fence.ts";
import type { Slice } from "../pool/slices.ts";
import type { Allocation, Allocations, Change, Owner, PoolKey } from "../pool/types.ts";

/** A pool as it was at one moment. */
export interface PoolSnapshot {
  /** Which pool. */
  readonly key: PoolKey;
  /** Every allocation the driver understands. What it does not understand stays in the store untouched. */
  readonly allocations: Allocations;
  /** Whether it was ever closed, and whether it still is. Absent where it never was, or the store closes none. */
  readonly fence?: Fence;
  /** The driver's own: compared with what is stored when a commit is made on this snapshot. */
  readonly version: unknown;
}

/** One address reserved in the whole cluster, whichever pools contain it. */
export interface Reservation extends Owner {
  /** `network_name`: reservations of different networks do not meet. */
  readonly network: string;
  /** The address. */
  readonly ip: Ip;
  /**
   * The driver's own mark of the stored object, printable. Given by {@linkcode Reservations.claim}; a caller that keeps it and hands it to
   * {@linkcode Reservations.release} names the very object, and may save the driver a look. It is a hint: a stale one costs that look,
   * nothing else.
   */
  readonly token?: string;
  /**
   * It can be read as the reservation of another address, of another network, too, and nothing says which is right. It keeps its address
   * reserved; it is nobody's to release, and never a stray. Absent where it is exact.
   */
  readonly doubtful?: true;
}

/**
 * What {@linkcode Reservations.claim} found. Own means: same podRef, and the same interface or none recorded.
 *
 * - `created`: there was none; it exists now.
 * - `kept`: it exists already, for this pod, interface and container. Nothing was written.
 * - `own`: it is own, and names another container or no interface. Nothing was written: `reservation` is what is stored, and the caller
 *   decides whether {@linkcode Reservations.takeOver} may replace it.
 * - `foreign`: it belongs to `holder`. Nothing was written.
 */
export type ClaimResult =
  | { readonly kind: "created" | "kept"; readonly reservation: Reservation }
  | { readonly kind: "own"; readonly reservation: Reservation }
  | { readonly kind: "foreign"; readonly holder: Owner };

/** The cluster-wide reservations of a store. */
export interface Reservations {
  /** Creates the reservation; where there is one, says whose. Two claims of one address never both succeed for different owners. */
  claim(reservation: Reservation, signal: AbortSignal): Promise<ClaimResult>;
  /**
   * Writes the wanted owner into an own reservation, if that is still exactly as it was found. A release that knows it as it was found
   * fails from then on.
   *
   * @param found as {@linkcode Reservations.claim}, `find` or `list` returned it
   * @returns the reservation as stored now; undefined where it changed or was deleted since, and nothing was written
   */
  takeOver(found: Reservation, wanted: Reservation, signal: AbortSignal): Promise<Reservation | undefined>;
  /**
   * Creates the reservation for somebody else, who may be claiming it at this moment: where there is one, whosever, it stays as it is.
   *
   * @returns undefined where there is one already
   */
  create(reservation: Reservation, signal: AbortSignal): Promise<Reservation | undefined>;
  /**
   * Deletes the reservation if it is own and its container id is the given one or none recorded, and if it did not change meanwhile.
   *
   * @returns whether it was deleted; false where there is none or it is somebody else's
   */
  release(reservation: Reservation, signal: AbortSignal): Promise<boolean>;
  /** The reservation of an address, if there is one. */
  find(network: string, ip: Ip, signal: AbortSignal): Promise<Reservation | undefined>;
  /**
   * All reservations of a network, in no order, those that may be of it among them; with no network named, of every network. Unreadable ones
   * are left out.
   */
  list(network: string | undefined, signal: AbortSignal): Promise<Reservation[]>;
}

/** The slices under one name. */
export interface SliceList {
  /** The whole range, as written. */
  readonly range: string;
  /** The slices, those of other nodes too. */
  readonly slices: readonly Slice[];
  /** Why nothing is allocated of them: one sentence. Absent where it is. */
  readonly refused?: string;
}

/** The node slices of a store, and how a pool is kept closed whose slice another node may have. */
export interface SliceStore {
  /** The slices under a name; undefined where there are none. */
  find(name: string, signal: AbortSignal): Promise<SliceList | undefined>;
  /**
   * Closes a pool in an epoch, and creates it where it does not exist. Always a write: commits on any earlier snapshot conflict from then on.
   *
   * @param fence its `closed` is above every number that the pool has
   * @returns the pool after the write
   * @throws {ConflictError} the pool is no longer the one of the snapshot
   * @throws {RefusedError} the store did not keep it
   */
  close(snapshot: PoolSnapshot, fence: Omit<Fence, "opened">, signal: AbortSignal): Promise<PoolSnapshot>;
  /** Opens a closed pool in an epoch. It stays closed where it was closed in that one or in a later one. @throws {ConflictError} it changed */
  open(snapshot: PoolSnapshot, epoch: number, signal: AbortSignal): Promise<void>;
  /** Deletes an empty pool as it was listed. @throws {ConflictError} it changed */
  remove(snapshot: PoolSnapshot, signal: AbortSignal): Promise<void>;
}

/** The namespace of a store's objects, of several that there are. */
export interface StoreNamespace {
  /** Its name. */
  readonly name: string;
  /**
   * How many objects with addresses or slices each namespace holds. Those that hold none are left out.
   *
   * @throws {RefusedError} the account may not list all namespaces, or the resources are not installed
   */
  inUse(signal: AbortSignal): Promise<ReadonlyMap<string, number>>;
}

/** One pool as an older release recorded it, in a layout of its own. */
export interface OlderRecord {
  /** Where it is stored. */
  readonly name: string;
  /** The pool it stands for. */
  readonly key: PoolKey;
  /** Its entries. */
  readonly entries: readonly Allocation[];
  /** What in it cannot be read, one sentence each. Where there is any, the record cannot be converted: what is dropped is given twice. */
  readonly faults: readonly string[];
}

/**
 * How a store gives up what it holds: to today's layout, or to another store. A pool that is closed is refused to everybody by `read` and
 * `commit`, and left out by `list`. Every step is done or not done when it is cut off, and can be repeated.
 */
export interface Migration {
  /** Every record of an older layout. */
  older(signal: AbortSignal): Promise<OlderRecord[]>;
  /**
   * Converts a record, in one transaction: commits what is decided to its pool, and deletes it. Keeps plugins of the older release away
   * meanwhile, as they keep each other.
   *
   * @param decide told the record as it is now and what its pool holds; undefined: leave all as it is
   * @throws {ConflictError} somebody else changed one of them
   */
  convert(
    record: OlderRecord,
    decide: (record: OlderRecord, present: Allocations) => readonly Change[] | undefined,
    signal: AbortSignal,
  ): Promise<void>;
  /** Pools that are closed and still hold entries. */
  closed(signal: AbortSignal): Promise<PoolSnapshot[]>;
  /** Closes a pool as it was read or listed. @throws {ConflictError} it changed */
  close(snapshot: PoolSnapshot, signal: AbortSignal): Promise<PoolSnapshot>;
  /** Forgets the entries of a closed pool, which are elsewhere by now. It stays closed. @throws {ConflictError} it changed */
  empty(snapshot: PoolSnapshot, signal: AbortSignal): Promise<void>;
}

/** One store, open. Methods may be called at the same time. Disposing it ends connections; using it afterwards is an error. */
export interface StorageDriver extends AsyncDisposable {
  /** `kubernetes`, `etcd`, `embedded`, or a third party's name. */
  readonly name: string;
  /** The pool now. An absent pool reads as empty, and reading creates nothing. */
  read(key: PoolKey, signal: AbortSignal): Promise<PoolSnapshot>;
  /**
   * Writes all changes, or none. Durable when it returns. The pool is created by the first commit.
   *
   * The version alone is not enough: a store that was restored from a backup comes to the same one with other content. A claimed address is
   * free, and a released or refreshed entry is the one of `before`, or the commit conflicts.
   *
   * @returns the pool after the write
   * @throws {ConflictError} the pool is no longer the one of the snapshot; nothing was written
   * @throws {UnavailableError} the store did not answer; whether it was written is unknown
   */
  commit(snapshot: PoolSnapshot, changes: readonly Change[], signal: AbortSignal): Promise<PoolSnapshot>;
  /**
   * Optional short cut for releasing what this node gave: a snapshot made from the caller's own record, without reading. A commit on it
   * may only hold releases, and is refused with {@linkcode ConflictError} when any of these entries is not exactly as recorded.
   */
  presume?(key: PoolKey, allocations: Allocations): PoolSnapshot;
  /** Every pool of the store, in no order. Pools that cannot be read are left out and told to the log. */
  list(signal: AbortSignal): Promise<PoolSnapshot[]>;
  /** Cheap: succeeds when the store would serve a read and a commit now. */
  status(signal: AbortSignal): Promise<void>;
  /** Everything stored that this release cannot read, for the checker. Absent where the driver does not look for it. */
  unreadable?(signal: AbortSignal): Promise<Unreadable[]>;
  /** How what is stored gets elsewhere. Absent where it cannot. */
  readonly migration?: Migration;
  /** The namespace of its objects. Absent where the store has none. */
  readonly namespace?: StoreNamespace;
  /** Node slices. Absent where the store has none. */
  readonly slices?: SliceStore;
  /** Cluster-wide reservations. Absent where the store has none. */
  readonly overlaps?: Reservations;
}

/** The pool or object is no longer as it was read: read again and decide anew. */
export class ConflictError extends Error {
  /** The class, for logs. */
  override name = "ConflictError";
}

/** The store did not answer, or asked to be left alone: try again later. What was sent may have been done. */
export class UnavailableError extends Error {
  /** The class, for logs. */
  override name = "UnavailableError";
  /** How long the store asked to wait, in milliseconds. Absent where it did not say. */
  readonly retryAfter?: number;

  /** Keeps the cause, and the wait that the store asked for (`retryAfter`, milliseconds). */
  constructor(message: string, options: ErrorOptions & { retryAfter?: number } = {}) {
    super(message, options);
    if (options.retryAfter !== undefined) this.retryAfter = options.retryAfter;
  }
}

/** The store answered no, and will again: not authorised, not installed, not writable, corrupt. */
export class RefusedError extends Error {
  /** The class, for logs. */
  override name = "RefusedError";
}

/** What the configuration names as a store is something else's: nothing of it was changed. The configuration is wrong, not the store. */
export class ForeignStoreError extends RefusedError {
  /** The class, for logs. */
  override name = "ForeignStoreError";
}
