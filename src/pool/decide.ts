/**
 * The allocator: takes a pool and requests, returns changes and outcomes.
 *
 * @module
 */
import { assign, keep, keepKept } from "./assign.ts";
import { Draft, type DraftContext } from "./draft.ts";
import { type Fence, isClosed } from "./fence.ts";
import { drop, free, revert } from "./free.ts";
import { type Move, obstacleIn } from "./move.ts";
import type { Reuse } from "./reuse.ts";
import type { Outcome, PoolRequest } from "./requests.ts";
import { restore } from "./restore.ts";
import type { Allocations, Change } from "./types.ts";

/** The changes to write, and the outcome of each request once they are written. */
export interface Decision {
  /** Differences from the stored pool, at most one per address. Empty: nothing to write. */
  readonly changes: readonly Change[];
  /** One per request, in order. */
  readonly outcomes: readonly Outcome[];
  /** What the pool must record about the reuse of its addresses, written with the changes. Absent: as before. */
  readonly reuse?: Reuse;
  /** Whether the pool becomes a block with this write: it records how many entries it has. Absent: it stays what it is. */
  readonly block?: true;
}

/** The state of a pool besides its allocations. */
interface PoolState {
  /** Absent if it was never closed. */
  readonly fence?: Fence;
  /** Whether each allocation needs a reservation: another network reserves addresses of an overlapping range. Absent: no. */
  readonly mustReserve?: true;
  /** The controller of the original because of which the pool keeps no further address for an object. Absent: it keeps them. */
  readonly refusesKeepers?: string;
  /** The move of its entries to, or from, another pool. Absent: none. */
  readonly move?: Move;
  /** What it records about the reuse of its addresses. Absent: nothing. */
  readonly reuse?: Reuse;
}

/**
 * Decides requests in order, each on the result of the previous ones: the same result as serving them one by one.
 *
 * @example
 * ```ts
 * import { decide } from "./decide.ts";
 * import { allocateRequest } from "./requests.ts";
 * import { parseCidr, usable } from "../address/cidr.ts";
 * import assert from "node:assert/strict";
 *
 * const cidr = parseCidr("10.0.0.0/24")?.cidr;
 * assert(cidr);
 * const owner = { podRef: "default/web-0", ifName: "net1", containerId: "9f1c" };
 * const { changes } = decide(new Map(), [allocateRequest(owner, { cidr, ...usable(cidr), excludes: [] })]);
 * assert.equal(changes[0]?.address, cidr.base + 1n);
 * ```
 *
 * @param state a closed pool allocates nothing; owners keep their addresses, and releases are served. A pool that must reserve serves no
 *   allocation of a caller without reservations, not even one that its owner has: the caller repeats it with a reservation. A pool that refuses
 *   keepers allocates nothing to an owner with a keeper, unless the keeper keeps the address already
 */
export function decide(
  stored: Allocations,
  requests: readonly PoolRequest[],
  state: PoolState = {},
  context: DraftContext = {},
): Decision {
  const draft = new Draft(stored, state.reuse, context);
  const outcomes = requests.map((request) => serve(draft, request, state));
  const changes = draft.changes();
  const reuse = changes.length > 0 ? draft.reuse.change((address) => draft.get(address) !== undefined) : undefined;
  const block = requests.some((request) => request.kind === "allocate" && request.block);
  return { changes, outcomes, ...(reuse && { reuse }), ...(block && { block }) };
}

function serve(draft: Draft, request: PoolRequest, state: PoolState): Outcome {
  const { fence, mustReserve, refusesKeepers } = state;
  const move = obstacleIn(state.move);
  switch (request.kind) {
    case "allocate":
      if (move?.kind === "moved") return keep(draft, request) ?? { kind: "moved", to: move.to };
      if (move?.kind === "divided") return { kind: "divided", size: move.size };
      if (move) return { kind: "moving", move };
      if (mustReserve && request.withoutReservation) return { kind: "must reserve" };
      if (request.onlyKeep) return keep(draft, request) ?? { kind: "exhausted" };
      if (isClosed(fence)) return keep(draft, request) ?? { kind: "closed", fence };
      if (!refusesKeepers || !request.owner.keeper) return assign(draft, request);
      return keepKept(draft, request) ?? { kind: "keepers refused", by: refusesKeepers };
    case "release":
      return free(draft, request);
    case "drop":
      return { kind: "released", allocations: drop(draft, request) };
    case "revert":
      return { kind: "released", allocations: revert(draft, request) };
    case "restore":
      return isClosed(fence) || move ? { kind: "closed" } : restore(draft, request);
  }
}
