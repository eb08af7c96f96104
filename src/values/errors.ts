/**
 * Values that were thrown.
 *
 * @module
 */

/** The message of a thrown value; the error's name if it has no message. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
