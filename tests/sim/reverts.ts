/**
 * The fixes of races and the rules of evidence that the simulation holds: each is undone by one edit of the source, and must then be noticed.
 *
 * @module
 */
import type { Setting } from "./seeds.ts";

/** One fix, and how it is undone. */
export interface Revert {
  /** What the product does without it. */
  readonly name: string;
  /** The world that notices. */
  readonly world: Setting;
  /** The source file. */
  readonly file: string;
  /** The text of the fix: it is there exactly once. */
  readonly find: string;
  /** What takes its place. */
  readonly replace: string;
}

/** Versions that a restored store uses a second time. */
const RESTORES: readonly Revert[] = [
  {
    name: "a claim compares the version alone, and not that the address is free",
    world: "restore",
    file: "drivers/kubernetes/patch.ts",
    find: 'entryTests(path, before) : [{ op: "test", path, value: null } as const];',
    replace: "entryTests(path, before) : [];",
  },
  {
    name: "a refresh or release compares the version alone, and not whose the entry is",
    world: "restore",
    file: "drivers/kubernetes/patch.ts",
    find: "const asRead = before ? entryTests(path, before) :",
    replace: "const asRead = before ? [] :",
  },
];

/** Every one of them. */
export const REVERTS: readonly Revert[] = RESTORES;
