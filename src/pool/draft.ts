/**
 * A pool during a decision: the stored allocations, overlaid with the changes made so far.
 *
 * @module
 */
import { type IpRange, lowestFree } from "../address/range.ts";
import { randomFree } from "../address/random.ts";
import { type Reuse, ReuseDraft } from "./reuse.ts";
import { type Allocation, type Allocations, type Change, isKeptFor, type Owner, sameEntry } from "./types.ts";

/** What a decision takes besides the pool. */
export interface DraftContext {
  /** Milliseconds since 1970. Default 0. */
  readonly now?: number;
  /** Returns numbers from 0 (inclusive) to 1, for the order `random`. Default: always 0. */
  readonly random?: () => number;
}

/** A scratch copy for one decision. It never modifies the stored allocations. */
export class Draft {
  readonly #stored: Allocations;
  readonly #changed = new Map<bigint, Allocation | undefined>();
  readonly #cursors = new Map<string, bigint>();
  readonly #random: () => number;
  #interfaces: Map<string, Set<bigint>> | undefined;
  /** Rests and rotation. */
  readonly reuse: ReuseDraft;

  /** Starts from the stored allocations. */
  constructor(stored: Allocations, reuse?: Reuse, { now = 0, random = () => 0 }: DraftContext = {}) {
    this.#stored = stored;
    this.#random = random;
    this.reuse = new ReuseDraft(reuse, now);
  }

  /** The current allocation of an address. */
  get(address: bigint): Allocation | undefined {
    return this.#changed.has(address) ? this.#changed.get(address) : this.#stored.get(address);
  }

  /** Puts an allocation at its address, whose rest ends; with undefined, frees the address, which does not rest. */
  set(address: bigint, allocation: Allocation | undefined): void {
    if (this.#interfaces) this.#reindex(this.#interfaces, address, this.get(address), allocation);
    this.#changed.set(address, allocation);
    if (allocation) return this.reuse.end(address);
    for (const [range, cursor] of this.#cursors) if (address < cursor) this.#cursors.set(range, address);
  }

  /** Every current allocation. */
  *all(): Generator<Allocation> {
    for (const [address, allocation] of this.#stored) if (!this.#changed.has(address)) yield allocation;
    for (const allocation of this.#changed.values()) if (allocation) yield allocation;
  }

  /** The entries of an owner: those that are kept for it first, whichever pod they name, else those of its interface. */
  ofOwner(owner: Owner): Allocation[] {
    const kept = owner.keeper ? [...this.all()].filter((entry) => isKeptFor(owner, entry)) : [];
    return kept.length > 0 ? kept : this.ofInterface(owner).filter(({ keeper }) => !keeper);
  }

  /** The allocations of one interface of one pod. The first call builds an index, so that a batch scans the pool once. */
  ofInterface(owner: Pick<Owner, "podRef" | "ifName">): Allocation[] {
    this.#interfaces ??= this.#index();
    const addresses = this.#interfaces.get(interfaceKey(owner)) ?? [];
    return [...addresses].map((address) => this.get(address)).filter((allocation) => allocation !== undefined);
  }

  /** Frees the address of an allocation, which starts to rest. `reuseAfter`: for a pool that was not read. */
  release(allocation: Allocation, reuseAfter: number | undefined): void {
    this.set(allocation.address, undefined);
    this.reuse.start(allocation.address, allocation, reuseAfter);
  }

  /**
   * The lowest address of the range that is free, does not rest and is not excluded. A search without exclusions remembers its end, where the
   * next search of the same range starts: a batch scans a pool once.
   */
  lowestFree(range: IpRange, excluded: ReadonlySet<bigint>): bigint | undefined {
    const inUse = this.isTaken(excluded);
    const key = `${rangeKey(range)},${this.reuse.after}`;
    const found = lowestFree(range, inUse, this.#cursors.get(key));
    if (excluded.size === 0) this.#cursors.set(key, found ?? range.last + 1n);
    return found;
  }

  /** The next address above the one that was allocated last in this order; above the highest one, the search starts with the lowest one. */
  nextFree(range: IpRange, excluded: ReadonlySet<bigint>): bigint | undefined {
    const inUse = this.isTaken(excluded);
    const { last } = this.reuse;
    const found = (last === undefined ? undefined : lowestFree(range, inUse, last + 1n)) ?? lowestFree(range, inUse);
    if (found !== undefined) this.reuse.last = found;
    return found;
  }

  /** A random address of the range that is free, does not rest and is not excluded. */
  randomFree(range: IpRange, excluded: ReadonlySet<bigint>): bigint | undefined {
    const { reuse } = this;
    const all = () => [...[...this.all()].map(({ address }) => address), ...reuse.resting(), ...excluded];
    return randomFree(range, this.isTaken(excluded), all, this.#random);
  }

  /** Whether an address is allocated, rests or is excluded. */
  isTaken(excluded: ReadonlySet<bigint>): (value: bigint) => boolean {
    return (value) => this.get(value) !== undefined || this.reuse.isResting(value) || excluded.has(value);
  }

  /** The differences from the stored allocations. */
  changes(): Change[] {
    const changes: Change[] = [];
    for (const [address, after] of this.#changed) {
      const before = this.#stored.get(address);
      const same = before && after ? sameEntry(before, after) : before === after;
      const rested = after && this.reuse.endedBy(address);
      if (!same) {
        changes.push({ address, ...(before && { before }), ...(after && { after }), ...(rested && { rested }) });
      }
    }
    return changes;
  }

  #index(): Map<string, Set<bigint>> {
    const index = new Map<string, Set<bigint>>();
    for (const allocation of this.all()) this.#reindex(index, allocation.address, undefined, allocation);
    return index;
  }

  #reindex(index: Map<string, Set<bigint>>, address: bigint, before?: Allocation, after?: Allocation): void {
    if (before) index.get(interfaceKey(before))?.delete(address);
    if (!after) return;
    const key = interfaceKey(after);
    const addresses = index.get(key);
    if (addresses) addresses.add(address);
    else index.set(key, new Set([address]));
  }
}

/** Each request of a network has its own range object, with equal values. */
function rangeKey({ first, last, excludes }: IpRange): string {
  return [first, last, ...excludes.map((hole) => `${hole.first}-${hole.last}`)].join();
}

function interfaceKey(owner: Pick<Owner, "podRef" | "ifName">): string {
  return `${owner.podRef}\n${owner.ifName}`;
}
