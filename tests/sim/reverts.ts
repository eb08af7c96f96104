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

/** Calls that come too late, and calls that fail. */
const RACES: readonly Revert[] = [
  {
    name: "ADD takes a reservation over without looking who depends on it",
    world: "takeover",
    file: "src/ipam/reserve.ts",
    find: "if (!succeeds) {",
    replace: "if (Boolean(0)) {",
  },
  {
    name: "ADD goes on with a reservation although a newer sandbox has taken the entry over",
    world: "takeover",
    file: "src/ipam/reserve.ts",
    find: 'if (takeover.kind === "superseded") throw superseded(wanted);',
    replace: "",
  },
  {
    name: "a failed ADD deletes the reservation of an entry that it did not remove",
    world: "takeover",
    file: "src/ipam/rollback.ts",
    find: "if (removed.has(address)) await releaseReservation",
    replace: "if (Boolean(1)) await releaseReservation",
  },
  {
    name: "DEL deletes a reservation without the proof of its entry",
    world: "mixed",
    file: "src/ipam/release.ts",
    find: "if (removed.has(allocation.address)) await releaseReservation",
    replace: "if (Boolean(1)) await releaseReservation",
  },
  {
    name: "a remnant is deleted although an entry depends on it",
    world: "takeover",
    file: "src/ipam/reservation.ts",
    find: "if (dependents(pools, found, entry.ifName).length > 0) return false;",
    replace: "",
  },
];

/** Batches, and the time that they take. */
const BATCHES: readonly Revert[] = [
  {
    name: "durations come from a clock that can be set",
    world: "clocks",
    file: "src/agent/batcher.ts",
    find: "clock.monotonic()",
    replace: "clock.now()",
  },
];

/** Every one of them. */
export const REVERTS: readonly Revert[] = [...RACES, ...BATCHES];
