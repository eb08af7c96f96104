/**
 * How each cell of a block is drawn, worked out once: a frame then only copies it, however many addresses the pool has.
 *
 * @module
 */
import { ENTRY_STATES, type EntryRow, type PoolDetail } from "../src/ui/types.ts";
import { type Block, perCell, stateOf } from "./blocks.ts";
import { classOf, type ColourBy, type LegendItem } from "./palette.ts";

/** The cells of a block. */
export interface Paint {
  /** CSS variables of colours. */
  readonly palette: readonly string[];
  /** Index of each cell's colour in the palette. */
  readonly colour: Uint8Array;
  /** The part of each cell that has the colour, from 0 to 1; the rest is free. */
  readonly part: Float32Array;
  /** Index of each cell's state in `ENTRY_STATES`, plus 1. 0: it has no entry. */
  readonly state: Uint8Array;
}

/** Colours that every map has. */
const [FREE, EXCLUDED] = [0, 1] as const;
/** The smallest part of a cell that is still visible. */
const MIN_PART = 0.15;

/** The colours of a block. `base`: the value of the pool's first address; `cells`: its entries by cell. */
export function paintOf(
  { detail, base, block, by, legend }: {
    readonly detail: Pick<PoolDetail, "unavailable" | "skipsZero">;
    readonly base: bigint;
    readonly block: Block;
    readonly by: ColourBy;
    readonly legend: readonly LegendItem[];
  },
  cells: ReadonlyMap<number, readonly EntryRow[]>,
): Paint {
  const step = perCell(block);
  const count = Number(block.size / step);
  const palette = ["--free", "--excluded", ...new Set(legend.map(({ colour }) => colour))];
  const indexOf = new Map(legend.map(({ name, colour }) => [name, palette.indexOf(colour)]));
  const colour = new Uint8Array(count).fill(FREE);
  markExcluded(colour, detail, base, block);
  const part = new Float32Array(count).fill(1);
  const state = new Uint8Array(count);
  for (const [index, entries] of cells) {
    const worst = worstOf(entries);
    if (!worst) continue;
    colour[index] = indexOf.get(classOf(worst, by)) ?? FREE;
    state[index] = ENTRY_STATES.indexOf(stateOf(worst)) + 1;
    if (step > 1n) part[index] = Math.max(MIN_PART, Math.min(1, entries.length / Number(step)));
  }
  return { palette, colour, part, state };
}

/** Marks the cells of which no address may be allocated. */
function markExcluded(
  colour: Uint8Array,
  { unavailable, skipsZero }: Pick<PoolDetail, "unavailable" | "skipsZero">,
  base: bigint,
  block: Block,
): void {
  const step = perCell(block);
  for (const [low, high] of unavailable) {
    const [from, to] = [BigInt(low) - block.start, BigInt(high) - block.start + 1n];
    if (to <= 0n || from >= block.size) continue;
    const first = from <= 0n ? 0n : (from + step - 1n) / step;
    colour.fill(EXCLUDED, Number(first), Number((to < block.size ? to : block.size) / step));
  }
  if (!skipsZero || step > 1n) return;
  const zero = Number((256n - ((base + block.start) & 0xffn)) & 0xffn);
  for (let i = zero; i < colour.length; i += 256) colour[i] = EXCLUDED;
}

/** The entry whose state must be seen first. */
function worstOf(entries: readonly EntryRow[]): EntryRow | undefined {
  return entries.find((one) => stateOf(one) === "conflict") ?? entries.find((one) => stateOf(one) === "leaked") ??
    entries[0];
}
