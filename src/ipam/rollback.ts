/**
 * Giving back what a failed ADD took.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import { type Allocation, type Change, formatPoolKey, type PoolKey } from "../pool/types.ts";
import { startDeadline } from "../async/deadline.ts";
import type { Held } from "./held.ts";
import type { Ipam } from "./ipam.ts";
import { releaseRemnant, releaseReservation } from "./reservation.ts";

/**
 * How long giving back may take, in milliseconds, on top of the deadline of the call that failed. Longer than one unanswered attempt, so
 * that there is time for another.
 */
export const GIVE_BACK_TIMEOUT = 15_000;

/** What a call wrote, or may have written, for one range. */
export interface Taken {
  /** The pool. */
  readonly key: PoolKey;
  /** Entries, in order. Grows with every attempt. */
  readonly changes: Change[];
  /** Addresses whose reservation was asked for, each with the token of what is stored, where that is known. */
  readonly reserved: Map<bigint, string | undefined>;
}

/**
 * Undoes writes, those of the last range first, each only where the store still holds what was written. Entries go first: an entry that
 * this removes is the proof that its reservation may be deleted. An entry that was taken over goes back to the former sandbox, and its
 * reservation stays. A failure is logged and the rest goes on.
 *
 * @returns what may still be stored
 */
export async function giveBack(ipam: Ipam, taken: readonly Taken[]): Promise<Held[]> {
  using limit = startDeadline(ipam.clock, GIVE_BACK_TIMEOUT, new Error("Giving back took too long"));
  const left: Held[] = [];
  for (const one of taken.toReversed()) {
    try {
      await undo(ipam, one, limit.signal);
    } catch (error) {
      const held = heldOf(one);
      left.push(...held);
      const addresses = held.map(({ allocation }) =>
        formatIp({ family: one.key.cidr.family, value: allocation.address })
      );
      ipam.log.error("Cannot give back what a failed ADD took", {
        pool: formatPoolKey(one.key),
        addresses,
        error: String(error),
      });
    }
  }
  return left;
}

async function undo(ipam: Ipam, { key, changes, reserved }: Taken, signal: AbortSignal): Promise<void> {
  if (changes.length === 0) return;
  using _turn = await ipam.turn(key, signal);
  const { allocations } = await ipam.commit(key, { kind: "revert", changes }, { signal });
  const { overlaps } = ipam.driver;
  if (!overlaps) return;
  const work = { ipam, overlaps, key, signal };
  const removed = new Set(allocations.map(({ address }) => address));
  for (const allocation of written(changes)) {
    const { address } = allocation;
    if (!reserved.has(address)) continue;
    if (removed.has(address)) await releaseReservation(work, allocation, reserved.get(address));
    else await releaseRemnant(work, allocation);
  }
}

/** What the changes put at each address, at last. */
function written(changes: readonly Change[]): Allocation[] {
  return [...new Map(changes.flatMap(({ address, after }) => after ? [[address, after]] : [])).values()];
}

function heldOf({ key, changes, reserved }: Taken): Held[] {
  return written(changes).map((allocation) => {
    const token = reserved.get(allocation.address);
    return { key, allocation, reserved: reserved.has(allocation.address), ...(token !== undefined && { token }) };
  });
}
