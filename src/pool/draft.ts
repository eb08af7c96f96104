/**
 * A pool during a decision: the stored allocations, overlaid with the changes made so far.
 *
 * @module
 */
import { type IpRange, lowestFree } from "../address/range.ts";
import { type Allocation, type Allocations, type Change, isKeptFor, type Owner, sameEntry } from "./types.ts";

/** A scratch copy for one decision. It never modifies the stored allocations. */
export class Draft {
  readonly #stored: Allocations;
  readonly #changed = new Map<bigint, Allocation | undefined>();
  readonly #cursors = new Map<string, bigint>();
  #interfaces: Map<string, Set<bigint>> | undefined;

  /** Starts from the stored allocations. */
  constructor(stored: Allocations) {
    this.#stored = stored;
  }

  /** The current allocation of an address. */
  get(address: bigint): Allocation | undefined {
    return this.#changed.has(address) ? this.#changed.get(address) : this.#stored.get(address);
  }

  /** Puts an allocation at its address; with undefined, frees the address. */
  set(address: bigint, allocation: Allocation | undefined): void {
    if (this.#interfaces) this.#reindex(this.#interfaces, address, this.get(address), allocation);
    this.#changed.set(address, allocation);
    if (allocation) return;
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

  /**
   * The lowest free address of the range that is not excluded. A search without exclusions remembers its end, where the next search of the
   * same range starts: a batch scans a pool once.
   */
  lowestFree(range: IpRange, excluded: ReadonlySet<bigint>): bigint | undefined {
    const inUse = (value: bigint) => this.get(value) !== undefined || excluded.has(value);
    const key = rangeKey(range);
    const found = lowestFree(range, inUse, this.#cursors.get(key));
    if (excluded.size === 0) this.#cursors.set(key, found ?? range.last + 1n);
    return found;
  }

  /** The differences from the stored allocations. */
  changes(): Change[] {
    const changes: Change[] = [];
    for (const [address, after] of this.#changed) {
      const before = this.#stored.get(address);
      const same = before && after ? sameEntry(before, after) : before === after;
      if (!same) changes.push({ address, ...(before && { before }), ...(after && { after }) });
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
