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

/** Pools whose objects are full. */
const FULL: readonly Revert[] = [
  {
    name: "a batch that the store refuses is refused as a whole",
    world: "full",
    file: "src/agent/divide.ts",
    find: "if (releases.length > 0 && claims.length > 0) return [releases, claims];",
    replace: "if (batch.length > 0) return [[...batch]];",
  },
];

/** What may free an address without its DEL. */
const EVIDENCE: readonly Revert[] = [
  {
    name: "an address is freed as soon as the pod object is gone",
    world: "kubelets",
    file: "src/pool/evidence.ts",
    find: "if (same && earlier.ago >= wait) return",
    replace: "if (Boolean(1)) return",
  },
  {
    name: "the termination grace period of a pod is not waited for",
    world: "kubelets",
    file: "src/pool/evidence.ts",
    find: "last.terminationGrace + REMOVAL_GRACE;",
    replace: "0;",
  },
  {
    name: "an address of a static pod is freed when its mirror pod is deleted",
    world: "kubelets",
    file: "src/pool/evidence.ts",
    find: 'if (isStatic(owner, last) && node?.kind !== "absent") {',
    replace: "if (Boolean(0)) {",
  },
  {
    name: "a pod that has finished is taken for ended while its containers run",
    world: "kubelets",
    file: "src/pool/evidence.ts",
    find: 'if (pod.containers === "running") return KEPT;\n  if (pod.containers !== "ended") {',
    replace: "if (Boolean(0)) {",
  },
  {
    name: "missing statuses of a pod that has finished are taken for ended containers",
    world: "kubelets",
    file: "src/pool/evidence.ts",
    find: 'if (pod.containers !== "ended") {',
    replace: "if (Boolean(0)) {",
  },
];

/** Every one of them. */
export const REVERTS: readonly Revert[] = [...RACES, ...RESTORES, ...FULL, ...EVIDENCE];
