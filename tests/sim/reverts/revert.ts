/**
 * What it takes to undo a fix.
 *
 * @module
 */
import type { Setting } from "../seeds.ts";

/** One edit of the source. */
export interface Edit {
  /** The source file. */
  readonly file: string;
  /** The text of the fix: it is there exactly once. */
  readonly find: string;
  /** What takes its place. */
  readonly replace: string;
}

/** One fix, and how it is undone. Where two rules hold the same thing, both are undone: either alone is enough. */
export interface Revert {
  /** What the product does without it. */
  readonly name: string;
  /** The world that notices. */
  readonly world: Setting;
  /** What undoes it. */
  readonly edits: readonly Edit[];
}

/** Edits of one file. */
export function editsOf(file: string, ...edits: readonly (readonly [find: string, replace: string])[]): Edit[] {
  return edits.map(([find, replace]) => ({ file, find, replace }));
}
