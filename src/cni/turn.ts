/**
 * One call of an attachment at a time.
 *
 * @module
 */
import { type Attachment, recordName } from "../journal/record.ts";
import type { Lock, World } from "../world/world.ts";

/** Keeps an ADD, a DEL and a late release of the same attachment from meeting. No other attachment waits for it. */
export function attachmentTurn(world: World, attachment: Attachment, signal: AbortSignal): Promise<Lock | undefined> {
  return world.lock(`attachment:${recordName(attachment)}`, signal);
}
