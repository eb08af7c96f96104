/**
 * The fixes of races and the rules of evidence that the simulation holds: each is undone by edits of the source, and must then be noticed.
 *
 * @module
 */
import { EVIDENCE } from "./evidence.ts";
import { RACES } from "./races.ts";
import type { Revert } from "./revert.ts";

export type { Revert };

/** Every one of them. */
export const REVERTS: readonly Revert[] = [...RACES, ...EVIDENCE];
