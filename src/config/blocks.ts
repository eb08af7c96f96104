/**
 * Parses `block_size` and `block_order`: ranges whose entries live in blocks of an aligned grid.
 *
 * @module
 */
import { bits, type Family } from "../address/ip.ts";
import type { BlockOrder, IpRange } from "../address/range.ts";
import { type Document, quote, text, type Warn } from "./document.ts";
import { ConfigError, type IpamConfig } from "./types.ts";

/** Host bits of a block: at least 2, since smaller ones cost more than they hold; at most 12, since calls cost what a block contains. */
const HOST_BITS = { min: 2, max: 12 };

/** Whether a range of the network is divided into blocks. */
export function isDivided({ ranges }: Pick<IpamConfig, "ranges">): boolean {
  return ranges.some(({ blocks }) => blocks);
}

/** Whether a node begins with a block of its own. */
export function isSpread({ ranges }: Pick<IpamConfig, "ranges">): boolean {
  return ranges.some(({ blocks }) => blocks?.order === "spread");
}

/**
 * The ranges with their grid. A range that fits in one block has none.
 *
 * @param strict whether the rules for new allocations apply
 * @throws {ConfigError} an invalid size or order; under the strict rules also a setting that blocks exclude
 */
export function withBlocks(
  ranges: readonly IpRange[],
  document: Document,
  path: string,
  strict: boolean,
  warn: Warn,
): IpRange[] {
  const sizes = parseSizes(document, path);
  const order = parseOrder(document, path);
  if (sizes.size === 0) {
    if (order) warn(`${path}.block_order has no effect without ${path}.block_size`);
    return [...ranges];
  }
  if (strict) refuseExcluded(ranges, document, path);
  return ranges.map((range) => {
    const prefix = sizes.get(range.cidr.family);
    if (prefix === undefined || prefix <= range.cidr.prefix) return range;
    return { ...range, blocks: { prefix, ...(order && { order }) } };
  });
}

/** The prefix length of a block of each family that has one. */
function parseSizes(document: Document, path: string): ReadonlyMap<Family, number> {
  const value = text(document, "block_size");
  if (value === undefined) return new Map();
  const sizes = new Map<Family, number>();
  for (const part of value.split(",").map((one) => one.trim())) {
    const prefix = Number(/^\/?(\d{1,3})$/.exec(part)?.[1] ?? NaN);
    const family = ([4, 6] as const).find((one) => isBlockSize(one, prefix));
    if (family === undefined || sizes.has(family)) throw invalidSize(value, path);
    sizes.set(family, prefix);
  }
  return sizes;
}

/** Whether blocks of a family may have a prefix length. */
export function isBlockSize(family: Family, prefix: number): boolean {
  const host = bits(family) - prefix;
  return host >= HOST_BITS.min && host <= HOST_BITS.max;
}

function invalidSize(value: string, path: string): ConfigError {
  const field = `${path}.block_size`;
  const range = (family: Family) => `/${bits(family) - HOST_BITS.max} to /${bits(family) - HOST_BITS.min}`;
  return new ConfigError(
    field,
    `Cannot use ${field} ${
      quote(value)
    }: expected the prefix length of a block such as "/24", or one for each family such as "/24,/120"; ` +
      `IPv4 blocks may have ${range(4)}, IPv6 blocks ${range(6)}`,
  );
}

function parseOrder(document: Document, path: string): BlockOrder | undefined {
  const value = text(document, "block_order");
  if (value === undefined || value === "lowest" || value === "spread") return value;
  const field = `${path}.block_order`;
  throw new ConfigError(field, `Cannot use ${field} ${quote(value)}: expected "lowest" or "spread"`);
}

/** Settings that blocks exclude, each with the reason. */
const EXCLUDED: readonly (readonly [field: string, reason: string])[] = [
  ["node_slice_size", "a slice is a pool of its own already"],
  ["allow_persistent_ips", "a kept address would have to be searched in every block"],
  ["allowPersistentIPs", "a kept address would have to be searched in every block"],
  ["sticky", "a kept address would have to be searched in every block"],
];

function refuseExcluded(ranges: readonly IpRange[], document: Document, path: string): void {
  const refuse = (field: string, reason: string) => {
    throw new ConfigError(
      `${path}.block_size`,
      `Cannot use ${path}.block_size with ${path}.${field}: ${reason}; remove one of them`,
    );
  };
  for (const [field, reason] of EXCLUDED) {
    const value = document[field];
    if (value !== undefined && value !== false && value !== "") refuse(field, reason);
  }
  if (ranges.some(({ picks }) => picks)) {
    refuse("pick_addresses", "their order is that of the list, not that of blocks");
  }
}
