/**
 * How a fix is undone.
 *
 * @module
 */
import type { Edit } from "../../support/edited.ts";
import type { Setting } from "../seeds.ts";

/** A fix, and the edits that undo it. If either of two rules is enough, the edits undo both. */
export interface Revert {
  /** What the product does without the fix. */
  readonly name: string;
  /** The world that detects this. */
  readonly world: Setting;
  /** The edits. */
  readonly edits: readonly Edit[];
}
