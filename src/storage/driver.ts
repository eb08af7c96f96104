/**
 * The contract between the allocator and a store.
 *
 * A driver translates and decides nothing. Which address is allocated, what is released and when to retry is decided in `pool/`, `ipam/` and
 * `storage/update.ts`, for every store alike. `tests/drivers/contract.ts` has the suite that a driver must pass; it is exported for drivers
 * in other repositories.
 *
 * Every method takes a signal, and rejects with its reason soon after it aborts. Failures are of three kinds, by what the caller does next:
 * {@linkcode ConflictError} (read again and decide again), {@linkcode UnavailableError} (retry later; the write may or may not have been
 * done), and all others, which are final ({@linkcode RefusedError} if the store refused).
 *
 * @module
 */
import type { Ip } from "../address/ip.ts";
import type { Unreadable } from "../pool/finding.ts";
import type { BlockFacts } from "../pool/grid.ts";
import type { Move } from "../pool/move.ts";
import type { Reuse } from "../pool/reuse.ts";
import type { Allocations, Change, Owner, PoolKey } from "../pool/types.ts";
import type { IpamClaim, Workload } from "../pool/workload.ts";
import type { Migration, OlderRecord } from "./migration.ts";
import type { SliceList, SliceStore } from "./slice_store.ts";
import type { PoolSnapshot } from "./snapshot.ts";

export type { Migration, OlderRecord, PoolSnapshot, SliceList, SliceStore };

/** A cluster-wide reservation of one address, for all pools that contain it. */
export interface Reservation extends Owner {
  /** `network_name`: reservations of different networks are independent. */
  readonly network: string;
  /** The address. */
  readonly ip: Ip;
  /**
   * The driver's own identifier of the stored object, printable. {@linkcode Reservations.reserve} returns it; a caller that passes it to
   * {@linkcode Reservations.release} may save the driver a read. It is a hint: a stale one only costs that read.
   */
  readonly token?: string;
  /**
   * The stored name may also mean another address of another network. The reservation keeps its address reserved; it is never released, and
   * never a stray. Absent if the name is exact.
   */
  readonly doubtful?: true;
}

/**
 * The result of {@linkcode Reservations.reserve}. A reservation is own if `ownsReservation` of `pool/types.ts` holds.
 *
 * - `created`: it did not exist and was created.
 * - `kept`: it exists for this pod, interface and container. Nothing was written.
 * - `own`: it is own, but names another container or no interface. Nothing was written: `reservation` is the stored one, and the caller
 *   decides whether {@linkcode Reservations.takeOver} may replace it.
 * - `foreign`: it belongs to `holder`. Nothing was written.
 */
export type ReserveResult =
  | { readonly kind: "created" | "kept"; readonly reservation: Reservation }
  | { readonly kind: "own"; readonly reservation: Reservation }
  | { readonly kind: "foreign"; readonly holder: Owner };

/** What a store has of one address. */
export interface Located {
  /** Every pool whose range contains it. */
  readonly pools: readonly PoolSnapshot[];
  /** Its reservations in the networks of the stored pools. */
  readonly reservations: readonly Reservation[];
}

/** Called during a list whenever a part of it was read, with the number of objects so far. A list without parts never calls it. */
export type OnPart = (objects: number) => void;

/** Called during a list with each stored object, or part of one, that this release cannot read; again if the list is repeated. */
export type OnUnreadable = (found: Unreadable) => void;

/** The cluster-wide reservations of a store. */
export interface Reservations {
  /** Creates the reservation unless it exists. Of two calls for one address by different owners, at most one succeeds. */
  reserve(reservation: Reservation, signal: AbortSignal): Promise<ReserveResult>;
  /**
   * Replaces the owner of an own reservation, if that is unchanged since it was read. A release of the reservation as it was read fails from
   * then on.
   *
   * @param found as returned by {@linkcode Reservations.reserve}, `find` or `list`
   * @returns the stored reservation; undefined if it changed or was deleted since, and nothing was written
   */
  takeOver(found: Reservation, wanted: Reservation, signal: AbortSignal): Promise<Reservation | undefined>;
  /**
   * Creates the reservation on behalf of its owner, who may reserve it at the same time. An existing one stays unchanged, whoever owns it.
   *
   * @returns undefined if one exists
   */
  create(reservation: Reservation, signal: AbortSignal): Promise<Reservation | undefined>;
  /**
   * Deletes the reservation if it is own, has the same container id or none, and does not change concurrently. One with a keeper is own only
   * for the same keeper.
   *
   * @returns whether it was deleted; false if it does not exist or belongs to another owner
   */
  release(reservation: Reservation, signal: AbortSignal): Promise<boolean>;
  /** The reservation of an address; undefined if it has none. */
  find(network: string, ip: Ip, signal: AbortSignal): Promise<Reservation | undefined>;
  /**
   * All reservations of a network, unsorted, including those that may belong to it; without a network, of all networks. Unreadable ones are
   * omitted.
   */
  list(
    network: string | undefined,
    signal: AbortSignal,
    onPart?: OnPart,
    onUnreadable?: OnUnreadable,
  ): Promise<Reservation[]>;
  /**
   * The addresses for which `reserve` may find a reservation of this network or one whose stored name also means it, unsorted. Absent if
   * `list` costs no more.
   */
  listAddresses?(network: string, signal: AbortSignal): Promise<Ip[]>;
}

/** The pods that use a store, and the claims that keep their addresses. Each read is one request. */
export interface Workloads {
  /** One pod by `namespace/name`; undefined if it does not exist. @throws {RefusedError} pods may not be read */
  findPod(podRef: string, signal: AbortSignal): Promise<Workload | undefined>;
  /** One IPAMClaim; undefined if it does not exist. @throws {RefusedError} claims may not be read, or are not installed */
  findClaim(namespace: string, name: string, signal: AbortSignal): Promise<IpamClaim | undefined>;
}

/** The namespace of a store's objects. */
export interface StoreNamespace {
  /** Its name. */
  readonly name: string;
  /**
   * The number of objects with addresses or slices in each namespace. Namespaces without any are omitted.
   *
   * @throws {RefusedError} the account may not list all namespaces, or the resources are not installed
   */
  inUse(signal: AbortSignal): Promise<ReadonlyMap<string, number>>;
}

/** An open store. Methods may be called concurrently. Disposing closes connections; using the store afterwards is an error. */
export interface StorageDriver extends AsyncDisposable {
  /** `kubernetes`, `etcd`, `embedded`, or a third party's name. */
  readonly name: string;
  /** Reads a pool. A missing pool is empty; reading does not create it. */
  read(key: PoolKey, signal: AbortSignal): Promise<PoolSnapshot>;
  /**
   * Writes all changes, or none. Durable when it returns. The first commit creates the pool.
   *
   * Comparing the version is not enough: a store that was restored from a backup may reach the same version with other content. The commit
   * conflicts unless an allocated address is free, and a released or refreshed entry equals `before`.
   *
   * @param reuse replaces what the snapshot has, in the same write; without members and rests, nothing stays recorded. On a snapshot that was
   * not read, its rests are added. Absent: unchanged. Only passed to a driver with {@linkcode StorageDriver.recordsReuse}
   * @returns the pool after the write
   * @throws {ConflictError} the pool changed since the snapshot; nothing was written
   * @throws {UnavailableError} the store did not answer; the write may or may not have been done
   * @throws {RefusedError} the store drops `reuse`, and there are allocations among the changes; nothing was allocated
   */
  commit(
    snapshot: PoolSnapshot,
    changes: readonly Change[],
    signal: AbortSignal,
    reuse?: Reuse,
  ): Promise<PoolSnapshot>;
  /**
   * Whether it stores {@linkcode PoolSnapshot.reuse}. Absent: networks with `reuse_after`, or with `order` `rotate`, are refused.
   */
  readonly recordsReuse?: true;
  /**
   * Optional shortcut for releases: a snapshot built from the caller's own record instead of a read. A commit on it may contain only
   * releases, and throws {@linkcode ConflictError} if a stored entry differs from the recorded one.
   */
  snapshotFromRecord?(key: PoolKey, allocations: Allocations): PoolSnapshot;
  /**
   * Sets or removes {@linkcode PoolSnapshot.mustReserve}, and creates the pool if it does not exist. Commits on any earlier snapshot conflict
   * from then on. Absent if the store finds out by itself, or has no reservations.
   *
   * @returns the pool after the write
   * @throws {ConflictError} the pool changed since the snapshot
   */
  requireReservations?(snapshot: PoolSnapshot, required: boolean, signal: AbortSignal): Promise<PoolSnapshot>;
  /**
   * Sets or removes {@linkcode PoolSnapshot.refusesKeepers}, and creates the pool if it does not exist. Commits on any earlier snapshot
   * conflict from then on. Absent if the store has no {@linkcode StorageDriver.workloads}, or no other program frees its addresses.
   *
   * @returns the pool after the write
   * @throws {ConflictError} the pool changed since the snapshot
   */
  refuseKeepers?(snapshot: PoolSnapshot, by: string | undefined, signal: AbortSignal): Promise<PoolSnapshot>;
  /**
   * Sets or removes {@linkcode PoolSnapshot.move}, and creates the pool if it does not exist. Commits on any earlier snapshot conflict from
   * then on. Absent: ranges cannot be resized or divided.
   *
   * @returns the pool after the write
   * @throws {ConflictError} the pool changed since the snapshot
   */
  setMove?(snapshot: PoolSnapshot, move: Move | undefined, signal: AbortSignal): Promise<PoolSnapshot>;
  /**
   * The blocks of a domain and the pools that record its grid, without their entries, unsorted: its pools that were committed with
   * {@linkcode PoolSnapshot.block}, or that {@linkcode StorageDriver.setMove} divided. Absent: networks with `block_size` are refused.
   *
   * @param fresh whether the answer contains every commit that ended before the call. Otherwise it may be as old as a cache of the store
   */
  listBlocks?(network: string, fresh: boolean, signal: AbortSignal): Promise<BlockFacts[]>;
  /** Every pool of the store, unsorted. Unreadable pools are omitted and logged, divided ones without entries are omitted. */
  list(signal: AbortSignal, onPart?: OnPart, onUnreadable?: OnUnreadable): Promise<PoolSnapshot[]>;
  /**
   * Reads what the store has of one address, without listing everything.
   *
   * @returns undefined if only a list shows it. Absent if `list` costs no more
   */
  locate?(ip: Ip, signal: AbortSignal): Promise<Located | undefined>;
  /**
   * A cheap check: succeeds if the store would serve a read and a commit now.
   *
   * @param reserves whether it must serve reservations too. Default false
   * @param recordsReuse whether it must store {@linkcode PoolSnapshot.reuse} too. Default false
   */
  status(signal: AbortSignal, reserves?: boolean, recordsReuse?: boolean): Promise<void>;
  /** Every stored object that this release cannot read, except those that lists report. Absent if the driver cannot find them. */
  unreadable?(signal: AbortSignal): Promise<Unreadable[]>;
  /** Moves the contents to another layout or store. Absent if the store does not support it. */
  readonly migration?: Migration;
  /** The namespace of its objects. Absent if the store has no namespaces. */
  readonly namespace?: StoreNamespace;
  /** Node slices. Absent if the store has none. */
  readonly slices?: SliceStore;
  /** Cluster-wide reservations. Absent if the store has none. */
  readonly reservations?: Reservations;
  /** Pods and their claims. Absent if the store knows none: then no network keeps addresses beyond the life of a pod. */
  readonly workloads?: Workloads;
}

/** The pool or object changed since it was read: read again and decide again. */
export class ConflictError extends Error {
  /** The class, for logs. */
  override name = "ConflictError";
}

/** The store did not answer, or asked to wait: retry later. The request may have been executed. */
export class UnavailableError extends Error {
  /** The class, for logs. */
  override name = "UnavailableError";
  /** The delay that the store asked for, in milliseconds. Absent if it asked for none. */
  readonly retryAfter?: number;

  /**
   * Keeps the delay.
   *
   * @param options `cause`, and `retryAfter` in milliseconds
   */
  constructor(message: string, options: ErrorOptions & { retryAfter?: number } = {}) {
    super(message, options);
    if (options.retryAfter !== undefined) this.retryAfter = options.retryAfter;
  }
}

/** The store refused the operation, and would refuse it again: not authorized, not installed, not writable, corrupt. */
export class RefusedError extends Error {
  /** The class, for logs. */
  override name = "RefusedError";
}

/** The configured store belongs to another program; nothing was changed in it. The configuration is wrong, not the store. */
export class ForeignStoreError extends RefusedError {
  /** The class, for logs. */
  override name = "ForeignStoreError";
}
