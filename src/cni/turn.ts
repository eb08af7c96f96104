/**
 * Attachments take turns.
 *
 * @module
 */
import { type Attachment, recordName } from "../journal/record.ts";
import type { Lock, World } from "../world/world.ts";

/** Locks that attachments share: more of them would be files that nobody removes. */
const BUCKETS = 256;

/** Keeps an ADD, a DEL and a late release of the same attachment from meeting. */
export function attachmentTurn(world: World, attachment: Attachment, signal: AbortSignal): Promise<Lock | undefined> {
  const name = recordName(attachment);
  let bucket = 0;
  for (const char of name) bucket = (bucket * 31 + (char.codePointAt(0) ?? 0)) % BUCKETS;
  return world.lock(`attachment-${bucket}`, signal, name);
}
