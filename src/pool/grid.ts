/**
 * Blocks: a range whose entries live in pools of an aligned grid, so that a call costs what its block contains.
 *
 * Which blocks have room is known from counts that may be some seconds old. They only order the search: whether a block has a free address is
 * decided on its pool.
 *
 * @module
 */
import { type Cidr, cidrOf, formatCidr, type Interval, span, within } from "../address/cidr.ts";
import { bits, type Family, type Ip } from "../address/ip.ts";
import { capacity, type IpRange, lowestFree } from "../address/range.ts";
import { mayBeOf, type PoolKey } from "./types.ts";

/** A block, or a pool that records the grid, as a store lists it: without entries. */
export interface BlockFacts {
  /** The pool. */
  readonly cidr: Cidr;
  /** The number of its entries. Absent: unknown, or the pool is no block. */
  readonly used?: number;
  /** The prefix length of the blocks into which the pool is divided. Absent: it is not divided. */
  readonly divided?: number;
  /** The controller of the original because of which it serves no network with blocks. Absent: it serves them. */
  readonly refusesKeepers?: string;
}

/** The pool that records the grid of a domain, one for each family. It never has entries, and no range may have its network. */
export function gridKey(network: string, family: Family): PoolKey {
  return { network, cidr: { family, base: 0n, prefix: 0 } };
}

/** The block of an address. */
export function blockAt(ip: Ip, prefix: number): Cidr {
  return cidrOf(ip, prefix);
}

/** The part of a divided range that one of its blocks allocates. Results keep the range's prefix length. */
export function inBlock({ blocks: _, ...range }: IpRange, block: Cidr): IpRange {
  const { first, last } = span(block);
  return {
    ...range,
    first: first > range.first ? first : range.first,
    last: last < range.last ? last : range.last,
  };
}

/** Whether a pool is a block of a range. */
export function isBlockOf({ cidr, blocks }: Pick<IpRange, "cidr" | "blocks">, block: Cidr): boolean {
  return blocks !== undefined && blocks.prefix === block.prefix && within(cidr, block);
}

/** The pools of a list that are blocks of a pool which is, or becomes, divided into blocks of a prefix length. */
export function blocksOfPool<T extends { readonly key: PoolKey }>(
  { network, cidr }: PoolKey,
  size: number,
  all: readonly T[],
): T[] {
  return all.filter(({ key }) =>
    mayBeOf(key, network) && key.node === undefined && isBlockOf({ cidr, blocks: { prefix: size } }, key.cidr)
  );
}

/** A search for blocks. */
export interface BlockSearch {
  /** The known blocks of the domain by their text. A block that is missing has no entries. */
  readonly known: ReadonlyMap<string, BlockFacts>;
  /** Blocks that are excluded, by their text. */
  readonly excluded: ReadonlySet<string>;
  /** The address from whose block on the search runs, and wraps around. Default: the lowest one. */
  readonly from?: bigint;
  /** Whether to include blocks that only may have room: their entries may be at addresses that the range does not allocate. Default: no. */
  readonly uncertain?: boolean;
}

/**
 * The first block of a divided range that has room.
 *
 * The cost depends on the known and the excluded blocks and the excludes of the range, never on the size of the range.
 *
 * @returns undefined if none has
 */
export function chooseBlock(range: IpRange, search: BlockSearch): Cidr | undefined {
  const { from = range.first } = search;
  return firstWithRoom(range, search, from, range.last) ??
    (from > range.first ? firstWithRoom(range, search, range.first, from - 1n) : undefined);
}

function firstWithRoom(range: IpRange, search: BlockSearch, first: bigint, last: bigint): Cidr | undefined {
  const { family } = range.cidr;
  const { prefix = range.cidr.prefix } = range.blocks ?? {};
  for (let next: bigint | undefined = first; next !== undefined && next <= last;) {
    const address: bigint | undefined = lowestFree(range, () => false, next);
    if (address === undefined || address > last) return undefined;
    const block = blockAt({ family, value: address }, prefix);
    const name = formatCidr(block);
    if (!search.excluded.has(name) && hasRoom(range, block, search.known.get(name)?.used ?? 0, search.uncertain)) {
      return block;
    }
    next = span(block).last + 1n;
  }
  return undefined;
}

/** Whether a block with so many entries has, or may have, a free address of the range. */
function hasRoom(range: IpRange, block: Cidr, used: number, uncertain = false): boolean {
  const own = capacity(inBlock(range, block));
  if (BigInt(used) < own) return true;
  return uncertain && BigInt(used) < allocatable(range, block);
}

/** The number of addresses of a block that any network with the same rules may allocate. */
function allocatable({ cidr, l3 = false }: IpRange, block: Cidr): bigint {
  const { first, last }: Interval = span(block);
  return capacity({ cidr, first, last, excludes: [], l3 });
}

/**
 * The first address of the block at which a node begins to search, so that nodes seldom meet: blocks are numbered, and the hash of the name
 * selects one.
 */
export function startOf(range: IpRange, node: string): bigint {
  const { prefix = range.cidr.prefix } = range.blocks ?? {};
  const host = BigInt(bits(range.cidr.family) - prefix);
  const [low, high] = [range.first >> host, range.last >> host];
  const start = (low + hashOf(node) % (high - low + 1n)) << host;
  return start > range.first ? start : range.first;
}

/** FNV-1a of 64 bits (http://www.isthe.com/chongo/tech/comp/fnv). */
function hashOf(text: string): bigint {
  let hash = 0xcbf2_9ce4_8422_2325n;
  for (const byte of new TextEncoder().encode(text)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x0000_0100_0000_01b3n);
  }
  return hash;
}
