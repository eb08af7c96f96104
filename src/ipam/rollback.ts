/**
 * Rolls back a failed ADD.
 *
 * @module
 */
import type { Cidr } from "../address/cidr.ts";
import { startDeadline } from "../async/deadline.ts";
import { otherRanges } from "../pool/move.ts";
import type { Allocation, Change, PoolKey } from "../pool/types.ts";
import { messageOf } from "../values/errors.ts";
import { entryFields, type RecordedEntry } from "./recorded.ts";
import type { Ipam } from "./ipam.ts";
import { followMoves } from "./moved.ts";
import { releaseLeftover, releaseReservation } from "./release_reservation.ts";

/**
 * Milliseconds for a rollback, after the deadline of the failed call. Longer than one unanswered attempt, so that there is time for a second.
 */
export const ROLLBACK_TIMEOUT = 15_000;

/** The writes of a call for one range, including attempts that may not be stored. */
export interface Written {
  /** The pool. */
  readonly key: PoolKey;
  /** Changes of entries, in order. Every attempt adds some. */
  readonly changes: Change[];
  /** Addresses whose reservation was requested, each with the token of the stored reservation, if known. */
  readonly reserved: Map<bigint, string | undefined>;
}

/**
 * Undoes writes, of the last range first, each only if the store still has what was written. Entries first: a removed entry proves that its
 * reservation may be deleted. An entry that was taken over returns to its former sandbox, and its reservation stays. Failures are logged, and
 * the other ranges are still rolled back.
 *
 * @returns entries that may still be stored
 */
export async function rollBack(ipam: Ipam, written: readonly Written[]): Promise<RecordedEntry[]> {
  using deadline = startDeadline(
    ipam.clock,
    ROLLBACK_TIMEOUT,
    new Error(`The rollback took longer than ${ROLLBACK_TIMEOUT / 1_000} s`),
  );
  const unreleased: RecordedEntry[] = [];
  for (const one of written.toReversed()) {
    try {
      await followMoves([one.key], (key) => undoIn(ipam, { ...one, key }, deadline.signal));
    } catch (error) {
      const entries = entriesOf(one);
      unreleased.push(...entries);
      ipam.log.error("Rollback of a failed ADD failed", { ...entryFields(entries), error: messageOf(error) });
    }
  }
  return unreleased;
}

/** @returns the ranges of the pools that may have the entries of this one */
async function undoIn(ipam: Ipam, { key, changes, reserved }: Written, signal: AbortSignal): Promise<Cidr[]> {
  if (changes.length === 0) return [];
  using _lock = await ipam.lockPool(key, signal);
  const { allocations, mustReserve, move } = await ipam.commit(key, { kind: "revert", changes }, { signal });
  const { reservations } = ipam.driver;
  const next = otherRanges(move, changes.map(({ address }) => ({ family: key.cidr.family, value: address })));
  if (!reservations) return next;
  const work = { ipam, reservations, key, signal };
  const removed = new Set(allocations.map(({ address }) => address));
  for (const allocation of lastWritten(changes)) {
    const { address } = allocation;
    if (!reserved.has(address) && !(mustReserve && allocation.unreserved)) continue;
    if (removed.has(address)) await releaseReservation(work, allocation, reserved.get(address));
    else await releaseLeftover(work, allocation);
  }
  return next;
}

/** The last allocation that the changes wrote at each address. */
function lastWritten(changes: readonly Change[]): Allocation[] {
  return [...new Map(changes.flatMap(({ address, after }) => after ? [[address, after]] : [])).values()];
}

function entriesOf({ key, changes, reserved }: Written): RecordedEntry[] {
  return lastWritten(changes).map((allocation) => {
    const token = reserved.get(allocation.address);
    return { key, allocation, reserved: reserved.has(allocation.address), ...(token !== undefined && { token }) };
  });
}
