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
  /**
   * A seed that detects this, as `tests/sim/undo.ts` prints it. It is run first, since others may need minutes until one does; if it detects
   * nothing any more, because histories have changed, the seeds are run from 1. Absent: one of the first seeds does.
   */
  readonly seed?: number;
}
