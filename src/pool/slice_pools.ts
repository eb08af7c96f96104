/**
 * The pools of node slices, found by domain and node.
 *
 * @module
 */
import { formatCidr, type Interval, overlap, span, within } from "../address/cidr.ts";
import type { Fence } from "./fence.ts";
import type { SliceGroup } from "./slice_networks.ts";
import type { Slice } from "./slices.ts";
import { type Allocations, formatPoolKey, type PoolKey } from "./types.ts";

/** A pool, as far as slices depend on it. */
export interface SlicePoolFacts {
  /** Which. Where its record does not tell the network from the node, both stand in `network`. */
  readonly key: PoolKey;
  /** What it holds. */
  readonly allocations: Allocations;
  /** Whether it was ever closed. */
  readonly fence?: Fence;
  /** The store's own: what is written to it is compared with this. */
  readonly version?: unknown;
}

/** What tells the network from the node in names of older records. */
export interface KnownNames {
  /** Nodes that exist, or have slices. */
  readonly nodes: ReadonlySet<string>;
  /** Allocation domains. */
  readonly networks: ReadonlySet<string>;
}

/** The pools of a store, by domain. */
export class SlicePools {
  readonly #byDomain = new Map<string, SlicePoolFacts[]>();
  readonly #byKey = new Map<string, SlicePoolFacts>();
  /** Pools whose domain is one of several. */
  readonly #unclear: SlicePoolFacts[] = [];

  /** Sorts them. */
  constructor(pools: readonly SlicePoolFacts[], known: KnownNames) {
    for (const pool of pools) {
      const key = resolve(pool.key, known);
      if (!key) {
        this.#unclear.push(pool);
        continue;
      }
      const resolved = { ...pool, key };
      this.#byKey.set(formatPoolKey(key), resolved);
      const domain = this.#byDomain.get(key.network) ?? [];
      domain.push(resolved);
      this.#byDomain.set(key.network, domain);
    }
  }

  /** The pools of a domain. */
  of(network: string): readonly SlicePoolFacts[] {
    return this.#byDomain.get(network) ?? [];
  }

  /** Those whose network and node are known. */
  all(): Iterable<SlicePoolFacts> {
    return this.#byKey.values();
  }

  /** The pool of a key. */
  find(key: PoolKey): SlicePoolFacts | undefined {
    return this.#byKey.get(formatPoolKey(key));
  }

  /** Whether the pool of a key holds addresses. */
  isUsed(key: PoolKey): boolean {
    return (this.find(key)?.allocations.size ?? 0) > 0;
  }

  /**
   * Where a slice of the group would meet addresses that are allocated already: slices of nodes as a whole, since their nodes may allocate
   * more of them, and the single addresses of pools without a node, where no reservation keeps them apart.
   */
  occupied({ network, cidr, reserves }: SliceGroup): Interval[] {
    const near = (pool: SlicePoolFacts) => pool.allocations.size > 0 && overlap(pool.key.cidr, cidr);
    const own = this.of(network).filter(near).flatMap(({ key, allocations }) => {
      if (key.node !== undefined) return [span(key.cidr)];
      return reserves ? [] : [...allocations.keys()].map((address) => ({ first: address, last: address }));
    });
    const unclear = this.#unclear.filter((pool) =>
      near(pool) && mayBe(pool.key, network) && pool.key.cidr.prefix > cidr.prefix
    );
    return [...own, ...unclear.map(({ key }) => span(key.cidr))];
  }

  /** The slices that nodes have by their pools, whether or not a NodeSlicePool lists them: open ones, and those in use. */
  slices({ network, cidr }: SliceGroup): Slice[] {
    return this.of(network).flatMap(({ key, allocations, fence }) => {
      const has = allocations.size > 0 || fence === undefined || fence.opened > fence.closed;
      return key.node !== undefined && has && within(cidr, key.cidr) ? [{ node: key.node, cidr: key.cidr }] : [];
    });
  }
}

/** Whether a key that does not tell the network from the node may be of a domain. */
function mayBe(key: PoolKey, network: string): boolean {
  return network === "" || key.network.startsWith(`${network}-`);
}

/** @returns undefined where the network of the key may be a network with a node that nobody knows */
function resolve(key: PoolKey, { nodes, networks }: KnownNames): PoolKey | undefined {
  const { network: text, cidr } = key;
  if (key.node !== undefined || text === "" || networks.has(text)) return key;
  if (nodes.has(text)) return { network: "", node: text, cidr };
  for (let at = text.indexOf("-"); at > 0; at = text.indexOf("-", at + 1)) {
    const [network, node] = [text.slice(0, at), text.slice(at + 1)];
    if (nodes.has(node) && networks.has(network)) return { network, node, cidr };
  }
  return undefined;
}

/** The key of a pair as text. */
export function pairKey(network: string, { node, cidr }: Slice): string {
  return `${node} ${formatCidr(cidr)} ${network}`;
}
