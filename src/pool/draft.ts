/**
 * A pool under decision: the stored allocations with the changes made so far laid over them.
 *
 * @module
 */
import { type IpRange, lowestFree } from "../address/range.ts";
import { type Allocation, type Allocations, type Change, type Owner, sameOwner } from "./types.ts";

/** A scratch copy that lives for one decision. It never changes the allocations it was made from. */
export class Draft {
  readonly #stored: Allocations;
  readonly #changed = new Map<bigint, Allocation | undefined>();
  readonly #cursors = new Map<string, bigint>();
  #interfaces: Map<string, Set<bigint>> | undefined;

  /** Starts from what is stored. */
  constructor(stored: Allocations) {
    this.#stored = stored;
  }

  /** What the address holds now. */
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

  /** Every allocation now. */
  *all(): Generator<Allocation> {
    for (const [address, allocation] of this.#stored) if (!this.#changed.has(address)) yield allocation;
    for (const allocation of this.#changed.values()) if (allocation) yield allocation;
  }

  /** The allocations of one interface of one pod. The first call makes an index, so that a batch reads the pool once. */
  ofInterface(owner: Pick<Owner, "podRef" | "ifName">): Allocation[] {
    this.#interfaces ??= this.#index();
    const addresses = this.#interfaces.get(interfaceKey(owner)) ?? [];
    return [...addresses].map((address) => this.get(address)).filter((held) => held !== undefined);
  }

  /**
   * The lowest address of the range that is free and not to be avoided. Where nothing is to be avoided the next search of the same
   * range goes on from here: a batch walks a pool once.
   */
  lowestFree(range: IpRange, avoid: ReadonlySet<bigint>): bigint | undefined {
    const taken = (value: bigint) => this.get(value) !== undefined || avoid.has(value);
    const key = rangeKey(range);
    const found = lowestFree(range, taken, this.#cursors.get(key));
    if (avoid.size === 0) this.#cursors.set(key, found ?? range.last + 1n);
    return found;
  }

  /** What differs from what is stored. */
  changes(): Change[] {
    const changes: Change[] = [];
    for (const [address, after] of this.#changed) {
      const before = this.#stored.get(address);
      const same = before && after ? sameOwner(before, after) : before === after;
      if (!same) changes.push({ address, ...(before && { before }), ...(after && { after }) });
    }
    return changes;
  }

  #index(): Map<string, Set<bigint>> {
    const index = new Map<string, Set<bigint>>();
    for (const held of this.all()) this.#reindex(index, held.address, undefined, held);
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

/** Requests of one network come with ranges of their own that say the same. */
function rangeKey({ first, last, excludes }: IpRange): string {
  return [first, last, ...excludes.map((hole) => `${hole.first}-${hole.last}`)].join();
}

function interfaceKey(owner: Pick<Owner, "podRef" | "ifName">): string {
  return `${owner.podRef}\n${owner.ifName}`;
}
