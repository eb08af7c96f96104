/**
 * Delivering releases that were promised.
 *
 * @module
 */
import { SILENT } from "../world/log.ts";
import type { Call } from "./call.ts";
import { attachmentTurn } from "./turn.ts";
import { isLater } from "./verbs/del.ts";
import { releaseRecord } from "./verbs/gc.ts";

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
 * Delivers releases that are pending, oldest names first. Stops where the store does not answer: what keeps one from being delivered keeps
 * the others. A refusal may concern one only.
 *
 * @param call whose process, deadline and world are used
 * @param most so many at the most
 */
export async function replay(call: Call, most: number): Promise<Replayed> {
  const journal = call.host.journal(call.world, SILENT);
  const pending = await journal?.pending() ?? [];
  let delivered = 0;
  let error: unknown;
  for (const record of pending.slice(0, most)) {
    try {
      using _turn = await attachmentTurn(call.world, record, call.signal);
      if (!await journal?.isPending(record)) continue;
      await releaseRecord(call, record);
      await journal?.forget(record);
      delivered++;
    } catch (failure) {
      error ??= failure;
      if (isLater(failure, call.signal)) break;
    }
  }
  return { delivered, left: pending.length - delivered, ...(error !== undefined && { error }) };
}
