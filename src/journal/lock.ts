/**
 * The lock of an attachment.
 *
 * @module
 */
import type { Lock, World } from "../world/world.ts";
import { type Attachment, recordName } from "./record.ts";

/** Serializes ADD, DEL and pending release of one attachment. Other attachments do not wait. */
export function lockAttachment(
  { lock }: Pick<World, "lock">,
  attachment: Attachment,
  signal: AbortSignal,
): Promise<Lock | undefined> {
  return lock(`attachment:${recordName(attachment)}`, signal);
}
