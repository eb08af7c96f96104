/**
 * ADD in a divided range: allocates from the first of its blocks that has room.
 *
 * The grid of a domain is recorded once, in a pool that no range has, and in the pool of each divided range, which then allocates nothing. Both
 * are written before the first entry, if the pool of the range is empty. A process may remember that they exist, because whoever divides a
 * range otherwise marks the blocks first that exist; a block that a process creates is trusted only once the pool of the range, read afterwards,
 * still records the grid. The grid of a domain is read again once the pool of the range records it: whoever removes the grid marks its pool
 * first, and then lists the ranges that use it.
 *
 * @module
 */
import { type Cidr, formatCidr } from "../address/cidr.ts";
import type { IpRange } from "../address/range.ts";
import type { IpamConfig } from "../config/types.ts";
import { blockAt, type BlockFacts, chooseBlock, gridKey, inBlock, startOf } from "../pool/grid.ts";
import { dividedInto, encodeMove, isUnderWay, NOT_DIVIDED } from "../pool/move.ts";
import { formatPoolKey, type PoolKey } from "../pool/types.ts";
import { type PoolSnapshot, RefusedError, UnavailableError } from "../storage/driver.ts";
import { allocateError, blocksRefused, layoutError } from "./errors.ts";
import { type Ipam, poolOf } from "./ipam.ts";
import type { AllocatingPool } from "./moved.ts";

/** Max attempts to record a grid: another process may remove it meanwhile. */
const MAX_ATTEMPTS = 5;

/** A block of a divided range, as an ADD uses it. */
export interface AllocatingBlock extends AllocatingPool {
  /** It is one. */
  readonly block: true;
  /** Whether it may not exist yet. */
  readonly isNew: boolean;
  /** Whether the owner only keeps the address that it has there. */
  readonly onlyKeep?: true;
}

/** What a search of blocks needs besides the range. */
interface BlockWork {
  readonly ipam: Ipam;
  readonly config: IpamConfig;
  readonly range: IpRange;
  readonly signal: AbortSignal;
  /** The requested address of the range: only its block may serve. */
  readonly requested?: bigint | undefined;
  /** The preferred one: its block is tried first. */
  readonly preferred?: bigint | undefined;
  /** The node whose block of its own is tried first in the order `spread`. */
  readonly node: string;
  /** Blocks that may have an entry of the call's attachment. */
  readonly recorded: readonly PoolKey[];
}

/**
 * Tries the blocks of a range until one serves: those that may have an entry of the owner first, then the first ones with room. Before it
 * answers that none has, it reads which have once more, and tries those that only may have.
 *
 * @param attempt allocates from a block; undefined if the block has no free address
 * @throws {PoolExhaustedError} no block has
 * @throws {LayoutError} the entries of the range live in another layout
 */
export async function tryBlocks<T>(
  work: BlockWork,
  attempt: (block: AllocatingBlock) => Promise<T | undefined>,
): Promise<T> {
  const { ipam: { blocks, driver }, config: { networkName }, range, requested, preferred, signal } = work;
  const { count } = blocks;
  let known = await establish(work, await blocks.list(driver, networkName, signal));
  const blockOf = (cidr: Cidr): AllocatingBlock => ({
    key: { network: networkName, cidr },
    range: inBlock(range, cidr),
    block: true,
    isNew: !known.has(formatCidr(cidr)),
  });
  for (const { cidr } of work.recorded) {
    const kept = await attempt({ ...blockOf(cidr), onlyKeep: true });
    if (kept) return kept;
  }
  if (requested !== undefined) {
    const served = await attempt(blockOf(at(range, requested)));
    if (served) return served;
    throw allocateError(poolOf(work.config, range), range, { kind: "exhausted" });
  }
  const excluded = new Set<string>();
  const from = range.blocks?.order === "spread" ? startOf(range, work.node) : range.first;
  let next = preferred === undefined ? undefined : at(range, preferred);
  for (let uncertain = false, isFresh = false;;) {
    const block = next ?? chooseBlock(range, { known, excluded, from, uncertain });
    next = undefined;
    if (block) {
      const served = await attempt(blockOf(block));
      if (served) return served;
      excluded.add(formatCidr(block));
    } else if (isFresh && uncertain) throw allocateError(poolOf(work.config, range), range, { kind: "exhausted" });
    else uncertain = isFresh;
    // a list that has a new block shows whether the range is still divided
    if (!isFresh) known = await establish(work, await blocks.list(driver, networkName, signal, count));
    isFresh = true;
  }
}

function at({ cidr, blocks }: IpRange, value: bigint): Cidr {
  return blockAt({ family: cidr.family, value }, blocks?.prefix ?? cidr.prefix);
}

/**
 * Records the grid of a range that does not record it yet.
 *
 * @returns what is known of the blocks
 * @throws {LayoutError} the domain has another grid, or the pool of the range has entries or is moved
 * @throws {RefusedError} a controller of the original runs, whose plugins know no blocks
 */
async function establish(
  { ipam, config, range, signal }: BlockWork,
  known: ReadonlyMap<string, BlockFacts>,
): Promise<ReadonlyMap<string, BlockFacts>> {
  const grid = gridKey(config.networkName, range.cidr.family);
  const own = poolOf(config, range);
  const facts = known.get(formatCidr(own.cidr));
  if (facts?.refusesKeepers !== undefined) {
    throw new RefusedError(blocksRefused(formatPoolKey(own), facts.refusesKeepers));
  }
  let listed = known;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const missing = [grid, own].filter(({ cidr }) => listed.get(formatCidr(cidr))?.divided !== range.blocks?.prefix);
    if (missing.length === 0) return listed;
    const { count } = ipam.blocks;
    // a range that may not have blocks must not leave a grid behind
    if (missing.includes(own)) isDividedFor(await ipam.driver.read(own, signal), range);
    for (const key of missing) await divide(ipam, key, range, signal);
    listed = await ipam.blocks.list(ipam.driver, config.networkName, signal, count);
  }
  throw new UnavailableError(`Pool ${formatPoolKey(own)} is divided and joined by several commands; retry`);
}

/** Records the grid in a pool. */
async function divide(ipam: Ipam, key: PoolKey, range: IpRange, signal: AbortSignal): Promise<void> {
  const { blocks } = range;
  if (!blocks) return;
  await ipam.onSnapshot(key, async (pool, deadline) => {
    if (isDividedFor(pool, range)) return;
    if (!ipam.driver.setMove) throw new RefusedError(`The driver ${JSON.stringify(ipam.driver.name)} divides no pools`);
    await ipam.driver.setMove(pool, { kind: "divided", size: blocks.prefix }, deadline);
  }, signal);
}

/**
 * Whether a pool records the grid of a range; false if it may be divided.
 *
 * @throws {LayoutError} it has entries, is moved, or has another grid
 * @throws {UnavailableError} entries move from it, or to it
 * @throws {RefusedError} a controller of the original runs
 */
function isDividedFor({ key, allocations, move, refusesKeepers }: PoolSnapshot, range: IpRange): boolean {
  const pool = formatPoolKey(key);
  if (refusesKeepers !== undefined) throw new RefusedError(blocksRefused(pool, refusesKeepers));
  const size = dividedInto(move);
  if (size !== undefined && size === range.blocks?.prefix) return true;
  if (size === NOT_DIVIDED) return false;
  if (move && isUnderWay(move)) throw allocateError(key, range, { kind: "moving", move });
  if (move?.kind === "joined") {
    const found = `\`whereabouts migrate blocks --back\` has moved its entries from blocks of /${move.size}`;
    throw layoutError(pool, found, range, "remove block_size from the definition");
  }
  if (allocations.size > 0) throw layoutError(pool, `it has ${allocations.size} entries of its own`, range);
  if (size !== undefined) throw layoutError(pool, `its entries live in blocks of /${size}`, range);
  if (move) throw layoutError(pool, `it is ${encodeMove(move)}`, range);
  return false;
}

/**
 * Verifies that a range still records its grid. For a call that created a block: until then, whoever changed the grid may not know of it. And
 * for one that a block led to another pool.
 *
 * @throws {LayoutError | RefusedError} it does not; the caller rolls back
 */
export async function verifyGrid(
  ipam: Pick<Ipam, "driver">,
  config: IpamConfig,
  range: IpRange,
  signal: AbortSignal,
): Promise<void> {
  const key = poolOf(config, range);
  if (isDividedFor(await ipam.driver.read(key, signal), range)) return;
  throw layoutError(formatPoolKey(key), "it is no longer divided", range);
}
