/**
 * Binary search in disjoint intervals.
 *
 * @module
 */
import type { Interval } from "./cidr.ts";

/** Ascending, disjoint intervals of one family. */
export class Blocks<T extends Interval> {
  readonly #sorted: T[];

  /** Starts with these blocks, which must be disjoint. */
  constructor(blocks: Iterable<T> = []) {
    this.#sorted = [...blocks].sort((a, b) => (a.first < b.first ? -1 : 1));
  }

  /** The lowest block that overlaps the interval; undefined if none does. */
  overlapping({ first, last }: Interval): T | undefined {
    const found = this.#sorted[this.#indexOf(first)];
    return found && found.first <= last ? found : undefined;
  }

  /** Adds a block that overlaps no other. */
  add(block: T): void {
    this.#sorted.splice(this.#indexOf(block.first), 0, block);
  }

  /** Index of the first block whose end is at or above the address. */
  #indexOf(address: bigint): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const block = this.#sorted[middle];
      if (block && block.last < address) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
