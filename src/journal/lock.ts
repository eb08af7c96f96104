/**
 * One change of an attachment at a time.
 *
 * @module
 */
import type { Lock, World } from "../world/world.ts";
import { type Attachment, recordName } from "./record.ts";

/** Keeps ADD, DEL and pending release of the same attachment apart. No other attachment waits for it. */
export function lockAttachment(
  { lock }: Pick<World, "lock">,
  attachment: Attachment,
  signal: AbortSignal,
): Promise<Lock | undefined> {
  return lock(`attachment:${recordName(attachment)}`, signal);
}
