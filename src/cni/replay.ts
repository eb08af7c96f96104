/**
 * Delivering releases that were promised.
 *
 * @module
 */
import type { JournalRecord } from "../journal/record.ts";
import { startDeadline } from "../world/deadline.ts";
import { SILENT } from "../world/log.ts";
import type { Call } from "./call.ts";
import { attachmentTurn } from "./turn.ts";
import { isLater, quietly } from "./verbs/del.ts";
import { releaseRecord } from "./verbs/gc.ts";

/** Releases that are delivered after a call, at most, and how long that may take (milliseconds). */
const DELIVERIES = 5;
const DELIVERY_TIMEOUT = 2_000;

/** What a round of deliveries came to. */
export interface Replayed {
  /** Delivered now. */
  readonly delivered: number;
  /** Still to be delivered. */
  readonly left: number;
  /** The first failure. */
  readonly error?: unknown;
}

/**
 * Delivers releases that are pending, network by network at the same time: each has a store of its own. Where a store does not answer, what
 * else is to be delivered of that network waits; a refusal may concern one record only.
 *
 * @param call whose process, deadline and world are used
 * @param most so many at the most
 */
export async function replay(call: Call, most: number): Promise<Replayed> {
  const journal = call.host.journal(call.world, SILENT);
  const pending = await journal?.pending() ?? [];
  let delivered = 0;
  const failures: unknown[] = [];
  const deliverAll = async (records: readonly JournalRecord[] = []) => {
    for (const record of records) {
      if (delivered >= most) return;
      try {
        using _turn = await attachmentTurn(call.world, record, call.signal);
        if (!await journal?.isPending(record)) continue;
        await releaseRecord(call, record);
        await quietly(() => journal?.forget(record), SILENT);
        delivered++;
      } catch (failure) {
        failures.push(failure);
        if (isLater(failure, call.signal)) return;
      }
    }
  };
  await Promise.all(Object.values(Object.groupBy(pending, ({ network }) => network)).map(deliverAll));
  const [error] = failures;
  return { delivered, left: pending.length - delivered, ...(error !== undefined && { error }) };
}

/** Delivers a few after a call that the store answered. Whether that works is not told. */
export async function replaySome(call: Call): Promise<void> {
  using limit = startDeadline(call.world, DELIVERY_TIMEOUT, new Error("No time left for late releases"), call.signal);
  await replay({ ...call, signal: limit.signal }, DELIVERIES).catch(() => {});
}
