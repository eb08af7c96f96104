/**
 * Divides a range: its entries move from its pool to blocks of a grid (`pool/grid.ts`), while pods come and go.
 *
 * The protocol is that of a resize (`resize.ts`) with several other pools. The pool and each block that gets entries are marked first
 * (`grid_marks.ts`), so that none of them allocates meanwhile. Each entry is written to its block before it is removed from the pool, and a
 * removal is refused if the pool has changed since it was read. So at any moment each entry is in at least one of the two, and an interrupted
 * run can be repeated. Reservations stay as they are.
 *
 * @module
 */
import { type Cidr, formatCidr } from "../address/cidr.ts";
import { blockAt, blocksOfPool } from "../pool/grid.ts";
import { dividedInto, planMove } from "../pool/move.ts";
import { type Allocation, formatPoolKey, type PoolKey } from "../pool/types.ts";
import { ConflictError, type PoolSnapshot } from "../storage/driver.ts";
import {
  type GridRun,
  mayDivide,
  mayReceive,
  open,
  recordGrid,
  refusal,
  refuseUndividable,
  replaced,
  stateOf,
} from "./grid_marks.ts";
import type { Ipam } from "./ipam.ts";
import type { Run } from "./move_marks.ts";
import { CHUNK, copy, MAX_ATTEMPTS, remove, type Resized, withdrawGone } from "./resize.ts";

/** The result of a migration of one range. */
export interface Migrated extends Pick<Resized, "moved" | "conflicts"> {
  /** The number of blocks that the entries moved to, or from. */
  readonly blocks: number;
}

/** Options of a migration. */
export interface MigrateOptions {
  /** Change nothing. */
  readonly dryRun: boolean;
  /** Further pools that the caller migrates after this one. Default: none. */
  readonly others?: readonly PoolKey[];
  /** The deadline. */
  readonly signal: AbortSignal;
  /** Called with the number of entries that have moved so far, and of all. */
  readonly progress?: (done: number, all: number) => void;
}

/**
 * Moves the entries of a range to blocks. Entries whose address has another owner in a block stay.
 *
 * @param size the prefix length of the blocks
 * @throws {RefusedError} the store knows no blocks; the range, or one that overlaps it, cannot be divided; another run has begun since
 * @throws the store's error. Pools may be marked then: repeat the call
 */
export async function divide(ipam: Ipam, pool: PoolKey, size: number, options: MigrateOptions): Promise<Migrated> {
  const { dryRun, others = [], signal } = options;
  const what = `divide pool ${formatPoolKey(pool)} into blocks of /${size}`;
  const run: GridRun = { ipam, pool, size, what, signal, name: ipam.clock.random().toString(36).slice(2) };
  const source = await ipam.driver.read(pool, signal);
  const all = await ipam.driver.list(signal);
  await refuseUndividable(run, source, all, others);
  if (dryRun) return planned(run, source, all);
  await begin(run, all);
  const migrated = await moveEntries(run, options);
  await end(run);
  return migrated;
}

function planned(run: GridRun, source: PoolSnapshot, all: readonly PoolSnapshot[]): Migrated {
  const present = new Map(blocksOfPool(run.pool, run.size, all).map((block) => [formatCidr(block.key.cidr), block]));
  const plans = byBlock(run, [...source.allocations.values()]).map(([block, entries]) =>
    planMove(asMap(entries), present.get(formatCidr(block))?.allocations ?? new Map(), block)
  );
  return {
    moved: plans.reduce((sum, { moving }) => sum + moving.length, 0),
    conflicts: plans.flatMap(({ conflicts }) => conflicts),
    blocks: plans.filter(({ moving }) => moving.length > 0).length,
  };
}

/** Entries by their block, in ascending order. */
function byBlock(
  { pool: { cidr: { family } }, size }: GridRun,
  entries: readonly Allocation[],
): [Cidr, Allocation[]][] {
  const sorted = entries.toSorted((a, b) => a.address < b.address ? -1 : 1);
  const blocks = Map.groupBy(sorted, ({ address }) => blockAt({ family, value: address }, size).base);
  return [...blocks].map(([base, some]) => [{ family, base, prefix: size }, some]);
}

function asMap(entries: readonly Allocation[]): ReadonlyMap<bigint, Allocation> {
  return new Map(entries.map((one) => [one.address, one]));
}

/**
 * Records the grid, then marks the pool, then the blocks that get entries: which these are is known once the pool allocates nothing.
 *
 * @throws {RefusedError} a mark does not permit it
 */
async function begin(run: GridRun, all: readonly PoolSnapshot[]): Promise<void> {
  const { ipam, pool, size, name, signal } = run;
  const { driver } = ipam;
  await recordGrid(run);
  const source = await ipam.onSnapshot(pool, async (read, deadline) => {
    if (!mayDivide(read.move, size)) throw refusal(run, stateOf(read));
    if (read.move?.kind === "divided" && read.allocations.size === 0) return read;
    await driver.setMove?.(read, { kind: "dividing", size, run: name }, deadline);
    return read; // no write since it was read
  }, signal);
  await recordGrid(run); // a migration back that did not know of this one may have removed it
  const marked = blocksOfPool(run.pool, run.size, all).filter(({ move }) => move).map(({ key }) => key.cidr);
  const blocks = [...byBlock(run, [...source.allocations.values()]).map(([block]) => block), ...marked];
  for (const cidr of new Map(blocks.map((block) => [formatCidr(block), block])).values()) await receive(run, cidr);
}

async function receive(run: GridRun, cidr: Cidr): Promise<void> {
  const { ipam, pool, name, signal } = run;
  await ipam.onSnapshot({ network: pool.network, cidr }, async (block, deadline) => {
    if (!mayReceive(block.move, pool)) throw refusal(run, stateOf(block));
    await ipam.driver.setMove?.(block, { kind: "receiving", from: pool.cidr, run: name }, deadline);
  }, signal);
}

/** Moves chunk by chunk until the pool has only entries that stay. */
async function moveEntries(run: GridRun, { progress }: MigrateOptions): Promise<Migrated> {
  const { ipam, pool, signal } = run;
  const filled = new Set<string>();
  let moved = 0;
  for (let attempts = 0; attempts < MAX_ATTEMPTS; attempts++) {
    const source = await ipam.driver.read(pool, signal);
    if (!isOf(source, run)) return ended(run, source);
    const copied = await copyChunk(run, source);
    const moving = copied.flatMap(({ plan }) => plan.moving);
    if (moving.length === 0) {
      return { moved, conflicts: copied.flatMap(({ plan }) => plan.conflicts), blocks: filled.size };
    }
    const removal = await remove(ipam, source, moving, signal);
    if (removal === "changed") { for (const { to, written } of copied) await withdrawGone(toBlock(run, to), written); }
    if (removal !== "removed") continue; // if they may have been removed, the copies stay
    attempts = 0;
    moved += moving.length;
    for (const { to, plan } of copied) if (plan.moving.length > 0) filled.add(formatCidr(to));
    progress?.(moved, moved + source.allocations.size - moving.length);
  }
  throw new ConflictError(
    `Pool ${formatPoolKey(pool)} changed during each of ${MAX_ATTEMPTS} attempts to move its entries`,
  );
}

function isOf({ move }: PoolSnapshot, { name }: GridRun): boolean {
  return move?.kind === "dividing" && move.run === name;
}

/** The result for a pool that does not have the mark of this run. @throws {RefusedError} another run has replaced this one */
function ended(run: GridRun, { allocations, move }: PoolSnapshot): Migrated {
  if (dividedInto(move) !== run.size || allocations.size > 0) throw replaced(run);
  return { moved: 0, conflicts: [], blocks: 0 };
}

/** Writes a chunk of entries to their blocks, each block in one commit. */
async function copyChunk(run: GridRun, source: PoolSnapshot) {
  const copied: ({ readonly to: Cidr } & Awaited<ReturnType<typeof copy>>)[] = [];
  let count = 0;
  for (const [to, entries] of byBlock(run, [...source.allocations.values()])) {
    if (count >= CHUNK) break;
    const one = await copy(toBlock(run, to), { ...source, allocations: asMap(entries) });
    copied.push({ to, ...one });
    count += one.plan.moving.length;
  }
  return copied;
}

/** The move of entries from the pool to one of its blocks. */
function toBlock({ ipam, pool, name, what, signal }: GridRun, cidr: Cidr): Run {
  return { ipam, from: pool, to: { network: pool.network, cidr }, name, what, signal, block: true };
}

/** The pool forwards before blocks allocate. */
async function end(run: GridRun): Promise<void> {
  const { ipam, pool, size, signal } = run;
  const { driver } = ipam;
  await ipam.onSnapshot(pool, async (read, deadline) => {
    if (dividedInto(read.move) === size) return;
    if (!isOf(read, run)) throw replaced(run);
    await driver.setMove?.(read, { kind: "divided", size }, deadline);
  }, signal);
  for (const { key } of blocksOfPool(pool, size, await driver.list(signal)).filter(({ move }) => move)) {
    await open(run, key.cidr); // whatever an earlier run still copies there is an entry that was released: nothing has to move any more
  }
}
