/**
 * How a fix is undone.
 *
 * @module
 */
import type { Setting } from "../seeds.ts";

/** One edit of the source. */
export interface Edit {
  /** The source file. */
  readonly file: string;
  /** The text of the fix, which the file contains exactly once. */
  readonly find: string;
  /** Its replacement. */
  readonly replace: string;
}

/** A fix, and the edits that undo it. If either of two rules is enough, the edits undo both. */
export interface Revert {
  /** What the product does without the fix. */
  readonly name: string;
  /** The world that detects this. */
  readonly world: Setting;
  /** The edits. */
  readonly edits: readonly Edit[];
}

/** Edits of one file. */
export function editsOf(file: string, ...edits: readonly (readonly [find: string, replace: string])[]): Edit[] {
  return edits.map(([find, replace]) => ({ file, find, replace }));
}
