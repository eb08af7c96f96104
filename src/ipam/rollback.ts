/**
 * Giving back what a failed ADD took.
 *
 * @module
 */
import { formatIp, sameIp } from "../address/ip.ts";
import { type Change, formatPoolKey, type PoolKey } from "../pool/types.ts";
import type { Reservation } from "../storage/driver.ts";
import { retry } from "../storage/retry.ts";
import { startDeadline } from "../world/deadline.ts";
import type { Ipam } from "./ipam.ts";

/**
 * How long giving back may take, in milliseconds, on top of the deadline of the call that failed. Longer than one unanswered attempt, so
 * that there is time for another.
 */
export const GIVE_BACK_TIMEOUT = 15_000;

/** Something a call wrote, or may have written. */
export type Taken = TakenEntries | { readonly kind: "reservation"; readonly reservation: Reservation };

/** Entries of one pool. */
export interface TakenEntries {
  /** Tells it from reservations. */
  readonly kind: "changes";
  /** The pool. */
  readonly key: PoolKey;
  /** What was written, in order. Grows with every attempt. */
  readonly changes: Change[];
}

/**
 * Undoes writes, last one first, each only where the store still holds what was written. A failure is logged and the rest goes on: what
 * stays behind belongs to a pod that did not start, and the runtime's DEL or the sweep finds it. An entry whose reservation could not be
 * deleted stays too, because the entry is what DEL finds the reservation by.
 */
export async function giveBack(ipam: Ipam, taken: readonly Taken[]): Promise<void> {
  using limit = startDeadline(ipam.clock, GIVE_BACK_TIMEOUT, new Error("Giving back took too long"));
  const stuck: Reservation[] = [];
  for (const one of taken.toReversed()) {
    try {
      await undo(ipam, one.kind === "changes" ? without(one, stuck) : one, limit.signal);
    } catch (error) {
      if (one.kind === "reservation") stuck.push(one.reservation);
      const what = one.kind === "changes" ? formatPoolKey(one.key) : formatIp(one.reservation.ip);
      ipam.log.error("Cannot give back what a failed ADD took", { what, error: String(error) });
    }
  }
}

function without({ kind, key, changes }: TakenEntries, stuck: readonly Reservation[]): TakenEntries {
  const isStuck = (value: bigint) => stuck.some(({ ip }) => sameIp(ip, { family: key.cidr.family, value }));
  return { kind, key, changes: changes.filter(({ address }) => !isStuck(address)) };
}

async function undo(ipam: Ipam, one: Taken, signal: AbortSignal): Promise<void> {
  if (one.kind === "changes") {
    if (one.changes.length === 0) return;
    using _turn = await ipam.turn(one.key, signal);
    await ipam.commit(one.key, { kind: "revert", changes: one.changes }, { signal });
    return;
  }
  const { overlaps } = ipam.driver;
  await retry((limit) => overlaps?.release(one.reservation, limit) ?? Promise.resolve(false), ipam.clock, signal);
}
