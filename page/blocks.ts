/**
 * What the map draws: a block of a pool as cells, each for one address or for as many as a smaller block has.
 *
 * @module
 */
import { ENTRY_STATES, type EntryRow, type EntryState, type PoolDetail } from "../src/ui/types.ts";

/** A part of a pool, with the size and alignment of a CIDR. */
export interface Block {
  /** Its distance from the start of the pool. */
  readonly start: bigint;
  /** Its number of addresses: a power of two. */
  readonly size: bigint;
}

/** Max cells that stand for one address each; in a larger block every cell stands for several. */
export const MAX_SINGLE = 65_536n;
/** Cells of a larger block. */
const CELLS = 4_096n;
/** Addresses of the smallest block that is chosen by itself. */
const MIN_CHOSEN = 256n;

/** The number of addresses for which one cell of a block stands. */
export function perCell({ size }: Block): bigint {
  return size <= MAX_SINGLE ? 1n : size / CELLS;
}

/** The offset of an entry. */
export function offsetOf([offset]: EntryRow): bigint {
  return BigInt(offset);
}

/** The state of an entry. */
export function stateOf([, state]: EntryRow): EntryState {
  return ENTRY_STATES[state] ?? "used";
}

/** Where a pool's map starts: all of it, or of a large one the smallest block with all its recorded addresses. */
export function partInUse(size: bigint, entries: readonly EntryRow[]): Block {
  const [first, last] = [entries[0], entries.at(-1)];
  if (size <= MAX_SINGLE || !first || !last) return { start: 0n, size };
  const [low, high] = [offsetOf(first), offsetOf(last)];
  let part = MIN_CHOSEN;
  while (part < size && low / part !== high / part) part *= 2n;
  return { start: low - low % part, size: part };
}

/** The block that a cell of several addresses stands for. */
export function zoomInto(block: Block, index: number): Block {
  const size = perCell(block);
  return { start: block.start + BigInt(index) * size, size };
}

/** The block one step further out: 16 times as large, or the whole pool. */
export function zoomOut({ start, size }: Block, whole: bigint): Block {
  const wider = size * 16n < whole ? size * 16n : whole;
  return { start: start - start % wider, size: wider };
}

/** The entries of a block by index of the cell. */
export function byCell(block: Block, entries: readonly EntryRow[]): ReadonlyMap<number, readonly EntryRow[]> {
  const size = perCell(block);
  const cells = new Map<number, EntryRow[]>();
  for (const entry of entries) {
    const distance = offsetOf(entry) - block.start;
    if (distance < 0n || distance >= block.size) continue;
    const index = Number(distance / size);
    const known = cells.get(index);
    if (known) known.push(entry);
    else cells.set(index, [entry]);
  }
  return cells;
}

/** Whether the pool may allocate an address of a cell. `base`: the value of the pool's first address. */
export function isAvailable(detail: Pick<PoolDetail, "unavailable" | "skipsZero">, base: bigint, at: Block): boolean {
  const [first, last] = [at.start, at.start + at.size - 1n];
  if (at.size === 1n && detail.skipsZero && ((base + first) & 0xffn) === 0n) return false;
  return !detail.unavailable.some(([low, high]) => BigInt(low) <= first && BigInt(high) >= last);
}
