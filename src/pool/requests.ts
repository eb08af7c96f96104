/**
 * What can be asked of a pool, and what the answers are.
 *
 * @module
 */
import type { IpRange } from "../address/range.ts";
import type { Fence } from "./fence.ts";
import type { Allocation, Change, Owner } from "./types.ts";

const NONE: ReadonlySet<bigint> = new Set();

/** Give the owner one address. */
export interface ClaimRequest {
  /** Tells the requests apart. */
  readonly kind: "claim";
  /** Who asks. */
  readonly owner: Owner;
  /** Where the address is taken from. */
  readonly range: IpRange;
  /** The very address wanted; absent: the lowest free one. */
  readonly requested?: bigint;
  /** Addresses that somebody else holds outside this pool. An own allocation there is dropped. */
  readonly avoid: ReadonlySet<bigint>;
  /** Addresses the owner holds already for another range of the same attachment. They are left alone. */
  readonly besides: ReadonlySet<bigint>;
  /**
   * Whether the same call wrote an entry for the owner before and asks again. An entry of its interface that names another sandbox is then
   * that of a newer one, and stays. Default false.
   */
  readonly again?: boolean;
}

/** Take back what a sandbox's interface holds. */
export interface ReleaseRequest {
  /** Tells the requests apart. */
  readonly kind: "release";
  /** The sandbox. */
  readonly containerId: string;
  /** The interface. */
  readonly ifName: string;
}

/** Undo changes: each address that still holds what `after` says gets back what `before` says. */
export interface RevertRequest {
  /** Tells the requests apart. */
  readonly kind: "revert";
  /** What was done, in order. */
  readonly changes: readonly Change[];
}

/** Put back an entry that the store lost, where its address is free. */
export interface RestoreRequest {
  /** Tells the requests apart. */
  readonly kind: "restore";
  /** The entry. */
  readonly allocation: Allocation;
}

/** Anything that can be asked of a pool. */
export type PoolRequest = ClaimRequest | ReleaseRequest | RevertRequest | RestoreRequest;

/**
 * What a claim came to. `taken` and `unusable` are said of a requested address only: somebody else has it, or the range allocates it to
 * nobody (bounds, excludes, the gateway, the node's slice, an IPv4 address that ends in `.0`). `closed`: the pool allocates nothing.
 * `superseded`: a newer sandbox of the interface has an entry.
 */
export type ClaimOutcome =
  | { readonly kind: "held" | "claimed"; readonly allocation: Allocation }
  | { readonly kind: "exhausted" }
  | { readonly kind: "closed"; readonly fence: Fence }
  | { readonly kind: "superseded"; readonly by: Owner }
  | { readonly kind: "taken"; readonly address: bigint; readonly by?: Owner }
  | { readonly kind: "unusable"; readonly address: bigint };

/** What a release or revert came to: the allocations that were taken back. */
export interface ReleaseOutcome {
  /** Tells the outcomes apart. */
  readonly kind: "released";
  /** What is no longer allocated. */
  readonly allocations: readonly Allocation[];
}

/**
 * What a restoration came to. `present`: the interface has the entry, perhaps for a newer sandbox. `duplicate`: the address is somebody
 * else's by now. `closed`: the pool takes no entries.
 */
export type RestoreOutcome =
  | { readonly kind: "restored" | "present" | "closed" }
  | { readonly kind: "duplicate"; readonly holder: Owner };

/** The outcome of a request. */
export type Outcome<R extends PoolRequest = PoolRequest> = R extends ClaimRequest ? ClaimOutcome
  : R extends RestoreRequest ? RestoreOutcome
  : ReleaseOutcome;

/** A claim with nothing to avoid, of one owner in one range. */
export function claim(owner: Owner, range: IpRange, options: Partial<ClaimRequest> = {}): ClaimRequest {
  return { avoid: NONE, besides: NONE, ...options, kind: "claim", owner, range };
}

/** A request that takes back exactly this allocation, and nothing if the address meanwhile belongs to another owner or sandbox. */
export function drop(allocations: readonly Allocation[]): RevertRequest {
  return { kind: "revert", changes: allocations.map((after) => ({ address: after.address, after })) };
}
