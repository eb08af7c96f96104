/**
 * Colours of the map: by state, or one for each namespace or node.
 *
 * @module
 */
import type { EntryRow, EntryState } from "../src/ui/types.ts";
import { stateOf } from "./blocks.ts";

/** What decides about the colour of an address. */
export type ColourBy = "state" | "namespace" | "node";

/** A colour and its meaning. */
export interface LegendItem {
  /** Its class of addresses: a state, a namespace, a node. */
  readonly name: string;
  /** Name of the CSS variable. */
  readonly colour: string;
  /** Number of addresses. */
  readonly count: number;
}

/** Names of the states for people. */
export const STATE_NAMES: Readonly<Record<EntryState | "free" | "excluded", string>> = {
  used: "used",
  stopped: "kept, owner stopped",
  resting: "released, rests",
  reserved: "reserved by another pool",
  leaked: "leaked",
  conflict: "duplicate or conflict",
  free: "free",
  excluded: "excluded",
};

/** Number of distinct colours for namespaces and nodes. The rest share one. */
const HUES = 10;

/** The class of an entry: its state, its namespace or its node. */
export function classOf(entry: EntryRow, by: ColourBy): string {
  const [, , pod, , node] = entry;
  if (by === "node") return node || "unknown node";
  if (by === "namespace") return pod.includes("/") ? pod.split("/")[0] ?? "" : "without a pod";
  return stateOf(entry);
}

/** The classes of a pool's entries with their colours, the largest first. */
export function legendOf(entries: readonly EntryRow[], by: ColourBy): LegendItem[] {
  const counts = new Map<string, number>();
  for (const entry of entries) {
    const name = classOf(entry, by);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1));
  return sorted.map(([name, count], i) => ({
    name,
    count,
    colour: by === "state" ? `--${name}` : i < HUES ? `--hue-${i}` : "--hue-rest",
  }));
}
