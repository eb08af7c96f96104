/**
 * One call of an attachment at a time.
 *
 * @module
 */
import { type Attachment, recordName } from "../journal/record.ts";
import type { Lock } from "../world/world.ts";
import type { Host } from "./host.ts";

/** Keeps an ADD, a DEL and a late release of the same attachment from meeting. No other attachment waits for it. */
export function attachmentTurn(
  { lock }: Pick<Host, "lock">,
  attachment: Attachment,
  signal: AbortSignal,
): Promise<Lock | undefined> {
  return lock(`attachment:${recordName(attachment)}`, signal);
}
