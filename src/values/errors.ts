/**
 * Values that were thrown.
 *
 * @module
 */

/** The message of a thrown value; its name where it has no message. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
