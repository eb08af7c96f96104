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

/** Every one of them. */
export const REVERTS: readonly Revert[] = [
  {
    name: "durations come from a clock that can be set",
    world: "clocks",
    file: "src/agent/batcher.ts",
    find: "clock.monotonic()",
    replace: "clock.now()",
  },
];
