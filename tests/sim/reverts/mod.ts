/**
 * Fixes of races, and rules of evidence, of kept addresses, and of moves: each is undone by edits of the source, and the simulation must
 * detect that.
 *
 * @module
 */
import { BLOCK_REVERTS } from "./blocks.ts";
import { COLLECTIONS } from "./collections.ts";
import { DIVISIONS } from "./divisions.ts";
import { EVIDENCE } from "./evidence.ts";
import { KEEPING } from "./keepers.ts";
import { RACES } from "./races.ts";
import { RESIZES } from "./resizes.ts";
import { REUSE } from "./reuse.ts";
import type { Revert } from "./revert.ts";

export type { Revert };

/** All reverts. */
export const REVERTS: readonly Revert[] = [
  ...RACES,
  ...EVIDENCE,
  ...KEEPING,
  ...REUSE,
  ...BLOCK_REVERTS,
  ...RESIZES,
  ...DIVISIONS,
  ...COLLECTIONS,
];
