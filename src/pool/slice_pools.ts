/**
 * The pools of node slices, found by domain and node.
 *
 * @module
 */
import { cidrOf, formatCidr, type Interval, overlap, span, within } from "../address/cidr.ts";
import type { Fence } from "./fence.ts";
import type { SliceGroup } from "./slice_networks.ts";
import type { Slice } from "./slice_assignment.ts";
import { type Allocations, formatPoolKey, mayBeOf, type PoolKey } from "./types.ts";

/** The facts about a pool that slices depend on. */
export interface SlicePoolFacts {
  /** The pool. */
  readonly key: PoolKey;
  /** Its allocations. */
  readonly allocations: Allocations;
  /** Absent if it was never closed. */
  readonly fence?: Fence;
  /** The store's version of the pool, which writes compare. */
  readonly version?: unknown;
}

/** Names that show which reading of a stored name is right. */
interface KnownNames {
  /** Nodes that exist, or have slices. */
  readonly nodes: ReadonlySet<string>;
  /** Allocation domains. */
  readonly networks: ReadonlySet<string>;
}

/** A domain and a range in it. */
type Area = Pick<SliceGroup, "network" | "cidr">;

/** The pools of a store, by domain and address. */
export class SlicePools {
  /** By domain, family and prefix length, lowest first. */
  readonly #sorted = new Map<string, Map<number, SlicePoolFacts[]>>();
  readonly #byKey = new Map<string, SlicePoolFacts>();
  /** Pools whose domain is uncertain. */
  readonly #unclear: SlicePoolFacts[] = [];

  /** Indexes the pools. */
  constructor(pools: readonly SlicePoolFacts[], known: KnownNames) {
    for (const pool of pools) {
      const key = resolve(pool.key, known);
      if (!key) {
        this.#unclear.push(pool);
        continue;
      }
      const resolved = { ...pool, key };
      this.#byKey.set(formatPoolKey(key), resolved);
      const domain = this.#sorted.get(domainOf(key)) ?? new Map<number, SlicePoolFacts[]>();
      this.#sorted.set(domainOf(key), domain);
      const sameSize = domain.get(key.cidr.prefix) ?? [];
      domain.set(key.cidr.prefix, sameSize);
      sameSize.push(resolved);
    }
    for (const domain of this.#sorted.values()) for (const sameSize of domain.values()) sameSize.sort(byBase);
  }

  /** The pools of a domain that overlap a range: a binary search, since a domain may have many ranges. */
  overlapping(area: Area): readonly SlicePoolFacts[] {
    const { first, last } = span(area.cidr);
    return [...this.#sorted.get(domainOf(area)) ?? []].flatMap(([prefix, pools]) => {
      const from = cidrOf({ family: area.cidr.family, value: first }, prefix).base; // a wider one may begin before the range
      const found: SlicePoolFacts[] = [];
      for (let at = indexFrom(pools, from); at < pools.length; at++) {
        const pool = pools[at];
        if (!pool || pool.key.cidr.base > last) break;
        found.push(pool);
      }
      return found;
    });
  }

  /** The pools whose network and node are certain. */
  all(): Iterable<SlicePoolFacts> {
    return this.#byKey.values();
  }

  /** The pool of a key. */
  find(key: PoolKey): SlicePoolFacts | undefined {
    return this.#byKey.get(formatPoolKey(key));
  }

  /** Whether the pool of a key has allocations. */
  isUsed(key: PoolKey): boolean {
    return (this.find(key)?.allocations.size ?? 0) > 0;
  }

  /**
   * Intervals where a slice of the group would contain addresses in use: whole slices of nodes, since their nodes may allocate more from
   * them, and single addresses of pools without a node, unless reservations prevent duplicates.
   */
  occupied({ network, cidr, reserves }: SliceGroup): Interval[] {
    const own = this.overlapping({ network, cidr }).filter(({ allocations }) => allocations.size > 0).flatMap(
      ({ key, allocations }) => {
        if (key.node !== undefined) return [span(key.cidr)];
        return reserves ? [] : [...allocations.keys()].map((address) => ({ first: address, last: address }));
      },
    );
    const unclear = this.#unclear.filter(({ key, allocations }) =>
      allocations.size > 0 && mayBeOf(key, network) && key.cidr.prefix > cidr.prefix && overlap(key.cidr, cidr)
    );
    return [...own, ...unclear.map(({ key }) => span(key.cidr))];
  }

  /** The slices of nodes according to their pools, listed in a NodeSlicePool or not: those whose pool is open or has allocations. */
  slices({ network, cidr }: SliceGroup): Slice[] {
    return this.overlapping({ network, cidr }).flatMap(({ key, allocations, fence }) => {
      const has = allocations.size > 0 || fence === undefined || fence.opened > fence.closed;
      return key.node !== undefined && has && within(cidr, key.cidr) ? [{ node: key.node, cidr: key.cidr }] : [];
    });
  }
}

function domainOf({ network, cidr }: Area): string {
  return `${cidr.family} ${network}`;
}

function byBase({ key: a }: SlicePoolFacts, { key: b }: SlicePoolFacts): number {
  return a.cidr.base < b.cidr.base ? -1 : a.cidr.base > b.cidr.base ? 1 : 0;
}

/** Index of the first pool that starts at or above the address. */
function indexFrom(sorted: readonly SlicePoolFacts[], address: bigint): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle]?.key.cidr.base ?? address) < address) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The exact key of a pool. Of several readings of its name, the one whose network and node exist.
 *
 * @returns undefined if none of them does, or several do
 */
function resolve({ otherReadings, ...key }: PoolKey, { nodes, networks }: KnownNames): PoolKey | undefined {
  if (otherReadings === undefined) return key;
  const [reading, ...others] = [key, ...otherReadings].filter(({ network, node }) =>
    node === undefined ? networks.has(network) : nodes.has(node) && (network === "" || networks.has(network))
  );
  return others.length === 0 ? reading : undefined;
}

/** A slice and its network as text, for maps. */
export function pairKey(network: string, { node, cidr }: Slice): string {
  return `${node} ${formatCidr(cidr)} ${network}`;
}
