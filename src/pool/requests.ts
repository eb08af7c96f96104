/**
 * Requests to a pool, and their outcomes.
 *
 * @module
 */
import type { IpRange } from "../address/range.ts";
import type { Cidr } from "../address/cidr.ts";
import type { Fence } from "./fence.ts";
import type { Move } from "./move.ts";
import type { Allocation, Change, Keeper, Owner, PodSandbox } from "./types.ts";

const NO_ADDRESSES: ReadonlySet<bigint> = new Set();

/** Another sandbox that uses, or used, an address that is kept for an owner. */
export interface KnownSandbox extends PodSandbox {
  /** `ended`: it uses the address no more. `moving`: its virtual machine moves to the owner's sandbox; both use the address meanwhile. */
  readonly state: "ended" | "moving";
}

/** Allocate one address to an owner. */
export interface AllocateRequest {
  /** Discriminates requests. */
  readonly kind: "allocate";
  /** The owner. */
  readonly owner: Owner;
  /** The range to allocate from. */
  readonly range: IpRange;
  /** The one address to allocate. Absent: the next one in the order of the range. */
  readonly requested?: bigint;
  /** The address to allocate if it is free and the owner has none. Absent: the next one in the order of the range. */
  readonly preferred?: bigint;
  /** Addresses that the same call allocated: an entry at one of them is dropped as if it had no keeper. Default: none. */
  readonly fresh?: ReadonlySet<bigint>;
  /** The other sandboxes from which the owner may take over its kept address. Default: none. */
  readonly sandboxes?: readonly KnownSandbox[];
  /** Addresses that others use outside this pool. An entry of the owner at one of them is dropped. */
  readonly inUseElsewhere: ReadonlySet<bigint>;
  /**
   * Addresses that may be in use outside this pool. The next free address is none of them; entries, requested and preferred addresses, and
   * those that the owner's interface had stay. Default: none.
   */
  readonly avoided?: ReadonlySet<bigint>;
  /** Addresses that the owner has of other ranges of the same attachment. Their entries stay. */
  readonly ofOtherRanges: ReadonlySet<bigint>;
  /**
   * Whether the same call wrote or kept an entry of the owner before and asks for another one. An entry of its interface that names another
   * sandbox is then a newer sandbox's, and stays. Default false.
   */
  readonly isRetry?: boolean;
  /** The caller makes no reservation of the address. Default: it makes one, or the store has none. */
  readonly withoutReservation?: boolean;
  /** Whether the pool is a block of a divided range. Default: it is the pool of a range. */
  readonly block?: true;
  /** Whether to allocate no new address: the owner keeps the one that it has, or the pool counts as exhausted. Default false. */
  readonly onlyKeep?: true;
}

/** Release every address of a sandbox's interface. An address with a keeper stays allocated, without the sandbox. */
export interface ReleaseRequest {
  /** Discriminates requests. */
  readonly kind: "release";
  /** The sandbox. */
  readonly containerId: string;
  /** The interface. */
  readonly ifName: string;
  /** As in {@linkcode DropRequest}. */
  readonly reuseAfter?: number;
}

/** Release exactly these allocations. An address that has another owner or sandbox by now stays. */
export interface DropRequest {
  /** Discriminates requests. */
  readonly kind: "drop";
  /** The allocations. */
  readonly allocations: readonly Allocation[];
  /**
   * Milliseconds for which the released addresses rest, where the pool does not record it or was not read. Absent: as the pool records, by
   * default they do not rest.
   */
  readonly reuseAfter?: number;
}

/** Undo changes: an address whose allocation is still `after` gets `before` back. */
export interface RevertRequest {
  /** Discriminates requests. */
  readonly kind: "revert";
  /** The changes, in the order in which they were made. */
  readonly changes: readonly Change[];
}

/** Recreate an entry that the store lost, if its address is free. */
export interface RestoreRequest {
  /** Discriminates requests. */
  readonly kind: "restore";
  /** The entry. */
  readonly allocation: Allocation;
}

/** Any request to a pool. */
export type PoolRequest = AllocateRequest | ReleaseRequest | DropRequest | RevertRequest | RestoreRequest;

/**
 * The outcome of an allocation:
 *
 * - `kept`: the owner has the address already; `allocated`: it was free.
 * - `exhausted`: the range has no free address.
 * - `closed`: the pool allocates nothing.
 * - `moving`: the pool allocates nothing until a move of entries has ended; `moved`: the pool of the range `to` allocates for it.
 * - `divided`: the entries of its range live in blocks; the pool allocates nothing.
 * - `must reserve`: the pool allocates nothing to a caller that makes no reservation.
 * - `keepers refused`: the pool keeps no further address for an object, since a controller of the original (`by`) would free it.
 * - `superseded`: a newer sandbox of the interface has an entry.
 * - `attached`: another sandbox may still use the address that is kept for the owner.
 * - `in use`: another owner has the requested address, in this pool (`by`) or outside it; or the address that the `keeper` keeps, outside it.
 * - `unusable`: the range never allocates the requested address (bounds, excludes, the gateway, the node's slice, an IPv4 address that ends
 *   in `.0`).
 */
export type AllocateOutcome =
  | { readonly kind: "kept" | "allocated"; readonly allocation: Allocation }
  | { readonly kind: "exhausted" | "must reserve" }
  | { readonly kind: "closed"; readonly fence: Fence }
  | { readonly kind: "moving"; readonly move: Move }
  | { readonly kind: "moved"; readonly to: Cidr }
  | { readonly kind: "divided"; readonly size: number }
  | { readonly kind: "keepers refused"; readonly by: string }
  | { readonly kind: "superseded"; readonly by: Owner }
  | { readonly kind: "attached"; readonly address: bigint; readonly by: PodSandbox }
  | { readonly kind: "in use"; readonly address: bigint; readonly by?: Owner; readonly keeper?: Keeper }
  | { readonly kind: "unusable"; readonly address: bigint };

/** The outcome of a release or revert. */
export interface ReleaseOutcome {
  /** Discriminates outcomes. */
  readonly kind: "released";
  /** The allocations that were removed. */
  readonly allocations: readonly Allocation[];
  /** The changes of entries that stay, because they have a keeper. Absent if no entry does. */
  readonly detached?: readonly Change[];
  /** See {@linkcode RestoreOutcome}. */
  readonly mustReserve?: true;
  /** The pool's move: other pools may have entries of the owner. Absent: none have. */
  readonly move?: Move;
}

/**
 * The outcome of a restoration. `present`: the interface has an entry at the address, perhaps of a newer sandbox. `duplicate`: the address is
 * allocated to another owner. `closed`: the pool accepts no entries. `mustReserve`: after the commit, entries of the pool need reservations, or
 * have some, even if ADD made none.
 */
export type RestoreOutcome =
  | { readonly kind: "restored" | "present" | "closed"; readonly mustReserve?: true }
  | { readonly kind: "duplicate"; readonly holder: Owner };

/** The outcome of a request. */
export type Outcome<R extends PoolRequest = PoolRequest> = R extends AllocateRequest ? AllocateOutcome
  : R extends RestoreRequest ? RestoreOutcome
  : ReleaseOutcome;

/** A request for one address of a range. */
export function allocateRequest(
  owner: Owner,
  range: IpRange,
  options: Partial<AllocateRequest> = {},
): AllocateRequest {
  return { inUseElsewhere: NO_ADDRESSES, ofOtherRanges: NO_ADDRESSES, ...options, kind: "allocate", owner, range };
}

/** A request that releases exactly these allocations. */
export function drop(allocations: readonly Allocation[], reuseAfter?: number): DropRequest {
  return { kind: "drop", allocations, ...(reuseAfter !== undefined && { reuseAfter }) };
}

/** A request that replaces an entry, if the address still has it. */
export function replace(before: Allocation, after: Allocation): RevertRequest {
  return { kind: "revert", changes: [{ address: before.address, before: after, after: before }] };
}

/** A request that removes an entry that was just created for an owner who does not use its address. The address does not rest. */
export function withdraw(after: Allocation): RevertRequest {
  return { kind: "revert", changes: [{ address: after.address, after }] };
}
