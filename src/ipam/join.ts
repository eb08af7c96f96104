/**
 * Joins a divided range again: its entries move from blocks to its pool, while pods come and go. The way back of `divide.ts`.
 *
 * The pool is marked first, so that no ADD creates a block from then on, then every block that exists, so that none allocates
 * (`grid_marks.ts`). Each entry is written to the pool before it is removed from its block, and a removal is refused if the block has changed
 * since it was read. So at any moment each entry is in at least one of the two, and an interrupted run can be repeated. The blocks keep a forward
 * to the pool. The grid of the domain is removed last, if no other range uses it. Reservations stay as they are.
 *
 * @module
 */
import { contains, formatCidr, overlap } from "../address/cidr.ts";
import { formatIp } from "../address/ip.ts";
import { blocksOfPool, gridKey } from "../pool/grid.ts";
import { blockSizeOf, dividedInto, type Move, NOT_DIVIDED, planMove } from "../pool/move.ts";
import { MAX_RESTS, type Reuse } from "../pool/reuse.ts";
import { addressOf, type Allocation, type Allocations, formatPoolKey, mayBeOf, type PoolKey } from "../pool/types.ts";
import { ConflictError, type PoolSnapshot } from "../storage/driver.ts";
import type { Migrated, MigrateOptions } from "./divide.ts";
import { type GridRun, mayReceive, open, refusal, replaced, stateOf } from "./grid_marks.ts";
import type { Ipam } from "./ipam.ts";
import { isOf, type Run } from "./move_marks.ts";
import { reservationOf } from "./release_reservation.ts";
import { CHUNK, copy, MAX_ATTEMPTS, remove, withdrawGone } from "./resize.ts";

/** Max entries of a pool: an object of an API server has at most 1.5 MB, and an entry takes up to 150 bytes. */
const MAX_ENTRIES = 10_000;

/** What a run knows before it changes anything. */
interface Found {
  /** The pool of the range. */
  readonly target: PoolSnapshot;
  /** Its blocks. */
  readonly blocks: readonly PoolSnapshot[];
  /** Other pools of the domain that share blocks with it, and that the caller joins after this one. */
  readonly sharing: readonly PoolKey[];
}

/**
 * Moves the entries of blocks to the pool of their range.
 *
 * @param size the prefix length of the blocks
 * @returns as `divide`. An entry whose address has another owner in the pool stays in its block; a run that finds one before it changes
 * anything is refused, since the address would have two owners
 * @throws {RefusedError} the store knows no blocks; the range is not divided; its entries do not fit in one pool; a range that shares blocks is
 * not named, or its addresses are not reserved; another run has begun since
 * @throws the store's error. Pools may be marked then: repeat the call
 */
export async function join(ipam: Ipam, pool: PoolKey, size: number, options: MigrateOptions): Promise<Migrated> {
  const { dryRun, others = [], signal } = options;
  const what = `join the blocks of /${size} to pool ${formatPoolKey(pool)}`;
  const run: GridRun = { ipam, pool, size, what, signal, name: ipam.clock.random().toString(36).slice(2) };
  const found = await examine(run, others);
  const planned = plan(found);
  if (dryRun) return planned;
  refuseTwoOwners(run, planned);
  const isEnded = found.target.move?.kind === "joined" &&
    found.blocks.every(({ move, allocations }) => move?.kind === "moved" && allocations.size === 0);
  const migrated = isEnded ? planned : await moveAll(run, found, options);
  await removeGrid(run);
  return migrated;
}

async function moveAll(run: GridRun, { sharing }: Found, options: MigrateOptions): Promise<Migrated> {
  await begin(run, sharing);
  const blocks = await forward(run);
  await verifyBegun(run, blocks, sharing);
  const migrated = await moveEntries(run, blocks, options);
  await end(run);
  return migrated;
}

/** Reads the pools, and refuses what is never possible, or not with their present state. @throws {RefusedError} with the reason */
async function examine(run: GridRun, others: readonly PoolKey[]): Promise<Found> {
  const { ipam: { driver }, pool, size, signal } = run;
  const refuse = (why: string) => {
    throw refusal(run, why);
  };
  if (!driver.setMove || !driver.listBlocks) {
    refuse(`the driver ${JSON.stringify(driver.name)} does not support blocks (setMove, listBlocks)`);
  }
  const target = await driver.read(pool, signal);
  const recorded = blockSizeOf(target.move);
  if (!mayJoin(target.move, size)) {
    refuse(target.move?.kind === "divided" ? `its blocks are /${recorded}` : stateOf(target));
  }
  const all = await driver.list(signal);
  const sharing = (await dividedRanges(run, all)).filter(({ cidr }) =>
    overlap(cidr, pool.cidr) && formatCidr(cidr) !== formatCidr(pool.cidr)
  );
  const together = new Set(others.map(formatPoolKey));
  const unnamed = sharing.map(formatPoolKey).filter((one) => !together.has(one));
  if (unnamed.length > 0) refuse(`${unnamed.sort().join(", ")} has entries in the same blocks; name both in one call`);
  const dividing = all.find(({ key, move }) =>
    move?.kind === "dividing" && sharing.some((one) => formatPoolKey(one) === formatPoolKey(key))
  );
  // in a joined range, the pool of another range with the prefix length of a block is none any more
  const present = blocksOfPool(pool, size, all).filter(({ block }) => block || target.move?.kind !== "joined");
  const busy = dividing ?? present.find(({ move }) => !mayForward(move, pool));
  if (busy) refuse(stateOf(busy));
  const blocks = present.filter(({ move }) => mayReceive(move, pool));
  const entries = blocks.reduce((sum, { allocations }) => sum + allocations.size, target.allocations.size);
  if (entries > MAX_ENTRIES) {
    refuse(`its blocks have ${entries} entries, and a pool has at most ${MAX_ENTRIES}; delete pods first`);
  }
  await refuseUnreserved(run, blocks, sharing);
  return { target, blocks, sharing };
}

/** Whether the blocks of a pool may be joined: they are its layout, or a run has begun or ended. */
function mayJoin(move: Move | undefined, size: number): boolean {
  return (move?.kind === "divided" || move?.kind === "joining" || move?.kind === "joined") && move.size === size;
}

/** Whether a block may forward to the pool: it has no mark, or one of a migration of this pool, or forwards to one that shares the block. */
function mayForward(move: Move | undefined, pool: PoolKey): boolean {
  return mayReceive(move, pool) || (move?.kind === "moved" && overlap(move.to, pool.cidr));
}

/** The pools of the domain whose entries live in blocks, or move there or back. */
async function dividedRanges(
  { ipam: { driver }, pool: { network, cidr: { family } }, signal }: GridRun,
  all: readonly PoolSnapshot[],
): Promise<PoolKey[]> {
  // lists omit divided pools without entries, and a pool that is marked after the first read may be divided before the second one
  const marked = all.filter(({ key, move }) => mayBeOf(key, network) && blockSizeOf(move) !== undefined)
    .map(({ key: { cidr } }) => cidr);
  const recorded = await driver.listBlocks?.(network, true, signal) ?? [];
  const divided = recorded.filter((one) => one.divided !== undefined).map(({ cidr }) => cidr);
  const ranges = new Map([...marked, ...divided].map((cidr) => [formatCidr(cidr), cidr]));
  return [...ranges.values()].filter((cidr) => cidr.family === family && cidr.prefix > 0)
    .map((cidr) => ({ network, cidr }));
}

/**
 * Refuses entries in shared blocks without reservations: they will be in the pool of one range, so that only reservations keep the other ranges
 * from their addresses.
 */
async function refuseUnreserved(
  run: GridRun,
  blocks: readonly PoolSnapshot[],
  sharing: readonly PoolKey[],
): Promise<void> {
  if (sharing.length === 0) return;
  const { ipam: { driver }, pool: { network }, signal } = run;
  const reserved = new Map(
    (await driver.reservations?.list(network, signal) ?? []).map((one) => [formatIp(one.ip), one]),
  );
  const shared = blocks.filter(({ key }) => sharing.some(({ cidr }) => overlap(cidr, key.cidr)));
  const unreserved = shared.flatMap(({ key, allocations }) =>
    [...allocations.values()].filter((allocation) => {
      const { ip, podRef } = reservationOf(key, allocation);
      return reserved.get(formatIp(ip))?.podRef !== podRef;
    }).map((allocation) => formatIp(addressOf({ key, allocation })))
  );
  const [first] = unreserved;
  if (first === undefined) return;
  throw refusal(
    run,
    `it shares blocks with ${
      sharing.map(formatPoolKey).join(", ")
    }, and ${unreserved.length} addresses in them, such as ${first}, have no ` +
      "reservation of their owner: without blocks only reservations keep overlapping ranges apart; set enable_overlapping_ranges in their " +
      "networks, and delete these pods",
  );
}

function plan({ target, blocks }: Found): Migrated {
  const plans = blocks.map(({ key, allocations }) => planMove(allocations, target.allocations, key.cidr));
  return {
    moved: plans.reduce((sum, { moving }) => sum + moving.length, 0),
    conflicts: plans.flatMap(({ conflicts }) => conflicts),
    blocks: plans.filter(({ moving }) => moving.length > 0).length,
  };
}

function refuseTwoOwners(run: GridRun, { conflicts }: Migrated): void {
  const [first] = conflicts;
  if (!first) return;
  const { pool: { cidr: { family } } } = run;
  const address = formatIp({ family, value: first.allocation.address });
  throw refusal(
    run,
    `${conflicts.length} addresses have two owners, such as ${address} of ${first.holder.podRef} in the pool and of ` +
      `${first.allocation.podRef} in its block; delete one of the pods`,
  );
}

/** Marks the pool, and those that share blocks with it: none of them allocates before all are joined. */
async function begin(run: GridRun, sharing: readonly PoolKey[]): Promise<void> {
  const { ipam, pool, size, name, signal } = run;
  await ipam.onSnapshot(pool, async (read, deadline) => {
    if (!mayJoin(read.move, size)) throw refusal(run, stateOf(read));
    await ipam.driver.setMove?.(read, { kind: "joining", size, run: name }, deadline);
  }, signal);
  for (const key of sharing) {
    await ipam.onSnapshot(key, async (read, deadline) => {
      if (dividedInto(read.move) !== size) return;
      await ipam.driver.setMove?.(read, { kind: "joining", size, run: name }, deadline);
    }, signal);
  }
}

/**
 * Lets every block forward to the pool. The pool is marked by now, so none comes into being any more. The mark is written to each, even if it
 * is the same: whatever else decides on a block read it before (`open` of `grid_marks.ts`).
 *
 * @returns the blocks
 */
async function forward(run: GridRun): Promise<PoolSnapshot[]> {
  const { ipam, pool, size, signal } = run;
  const blocks: PoolSnapshot[] = [];
  for (const { key } of blocksOfPool(pool, size, await ipam.driver.list(signal))) {
    await ipam.onSnapshot({ network: pool.network, cidr: key.cidr }, async (block, deadline) => {
      if (!mayForward(block.move, pool)) throw refusal(run, stateOf(block));
      if (!mayReceive(block.move, pool)) return;
      const marked = await ipam.driver.setMove?.(block, { kind: "moved", to: pool.cidr }, deadline);
      if (marked) blocks.push(marked);
    }, signal);
  }
  return blocks;
}

/**
 * Verifies that the marks are those of this run: another run may have joined the pool, and a further one divided it, before this one marked
 * the blocks. If shared addresses have been allocated without reservations until then, the run is undone.
 *
 * @throws {RefusedError}
 */
async function verifyBegun(
  run: GridRun,
  blocks: readonly PoolSnapshot[],
  sharing: readonly PoolKey[],
): Promise<void> {
  const { ipam, pool, size, signal } = run;
  const target = await ipam.driver.read(pool, signal);
  const openAll = async () => {
    for (const { key } of blocks) await open(run, key.cidr);
  };
  if (!isOf(target, run)) {
    await openAll();
    throw replaced(run);
  }
  if (target.allocations.size > 0) return; // an earlier run verified it
  try {
    await refuseUnreserved(run, blocks, sharing);
  } catch (error) {
    for (const key of [pool, ...sharing]) {
      await ipam.onSnapshot(key, async (read, deadline) => {
        if (isOf(read, run) && read.allocations.size === 0) {
          await ipam.driver.setMove?.(read, { kind: "divided", size }, deadline);
        }
      }, signal);
    }
    await openAll();
    throw error;
  }
}

/** Moves chunk by chunk until the blocks have only entries that stay. */
async function moveEntries(
  run: GridRun,
  blocks: readonly PoolSnapshot[],
  { progress }: MigrateOptions,
): Promise<Migrated> {
  const { ipam, pool, signal } = run;
  const all = blocks.reduce((sum, { allocations }) => sum + allocations.size, 0);
  const reuse = reuseOf(blocks);
  const pending = new Map(blocks.filter(hasEntries).map((block) => [formatPoolKey(block.key), block]));
  const emptied = new Set<string>();
  const conflicts: Migrated["conflicts"][number][] = [];
  let moved = 0;
  for (let attempts = 0; attempts < MAX_ATTEMPTS && pending.size > 0; attempts++) {
    const chunk = chunkOf([...pending.values()]);
    const copied = await copy(toPool(run, pool), merged(run, chunk, reuse));
    for (const block of chunk) {
      const name = formatPoolKey(block.key);
      const ofBlock = <T extends Pick<Allocation, "address">>(entries: readonly T[]) =>
        entries.filter(({ address }) => contains(block.key.cidr, { family: block.key.cidr.family, value: address }));
      const moving = ofBlock(copied.plan.moving);
      if (moving.length > 0) {
        const removal = await remove(ipam, block, moving, signal);
        if (removal === "changed") await withdrawGone(toPool(run, block.key), ofBlock(copied.written));
        if (removal === "removed") {
          attempts = 0;
          moved += moving.length;
          emptied.add(name);
          progress?.(moved, Math.max(all, moved));
        }
        const isEmptied = removal === "removed" && moving.length === block.allocations.size;
        if (isEmptied) pending.delete(name);
        else pending.set(name, await ipam.driver.read(block.key, signal));
      }
      const stay = copied.plan.conflicts.filter(({ allocation }) => ofBlock([allocation]).length > 0);
      if (stay.length === block.allocations.size) {
        pending.delete(name);
        conflicts.push(...stay);
      }
    }
    for (const [name, block] of pending) if (!hasEntries(block)) pending.delete(name);
  }
  if (pending.size === 0) return { moved, conflicts, blocks: emptied.size };
  throw new ConflictError(
    `The blocks of pool ${formatPoolKey(pool)} changed during each of ${MAX_ATTEMPTS} attempts to move their entries`,
  );
}

function hasEntries({ allocations }: PoolSnapshot): boolean {
  return allocations.size > 0;
}

/** The first blocks, with one chunk of entries together, or one block with more. */
function chunkOf(blocks: readonly PoolSnapshot[]): PoolSnapshot[] {
  const chunk: PoolSnapshot[] = [];
  for (let count = 0; count < CHUNK && chunk.length < blocks.length;) {
    const block = blocks[chunk.length];
    if (!block) break;
    chunk.push(block);
    count += block.allocations.size;
  }
  return chunk;
}

/** Blocks as one pool from which entries move. */
function merged({ pool }: GridRun, blocks: readonly PoolSnapshot[], reuse: Reuse | undefined): PoolSnapshot {
  const allocations: Allocations = new Map(blocks.flatMap((block) => [...block.allocations]));
  return { key: pool, allocations, version: undefined, ...(reuse && { reuse }) };
}

/** The rests of all blocks: the pool records those that started last. */
function reuseOf(blocks: readonly PoolSnapshot[]): Reuse | undefined {
  const all = blocks.flatMap(({ reuse }) => reuse ?? []);
  if (all.length === 0) return undefined;
  const rests = all.flatMap((one) => [...one.rests]).sort(([, a], [, b]) => a.since - b.since).slice(-MAX_RESTS);
  const after = all.find((one) => one.after !== undefined)?.after;
  return { ...(after !== undefined && { after }), rests: new Map(rests) };
}

/** The move of entries from a pool, of which `withdrawGone` reads whether it still has them, to the pool of the range. */
function toPool({ ipam, pool, name, what, signal }: GridRun, from: PoolKey): Run {
  return { ipam, from, to: pool, name, what, signal };
}

async function end(run: GridRun): Promise<void> {
  const { ipam, pool, size, signal } = run;
  await ipam.onSnapshot(pool, async (read, deadline) => {
    if (read.move?.kind === "joined") return; // the answer to an earlier attempt was lost
    if (!isOf(read, run)) throw replaced(run);
    await ipam.driver.setMove?.(read, { kind: "joined", size }, deadline);
  }, signal);
}

/**
 * Removes the grid of the domain if no range uses it. Its pool is marked before the ranges are listed: whoever divides a range marks its pool,
 * and then reads the grid. So either this run finds that range, or the other one finds the mark.
 */
async function removeGrid(run: GridRun): Promise<void> {
  const { ipam, pool, size, name, signal } = run;
  const key = gridKey(pool.network, pool.cidr.family);
  const isUsed = async () => (await dividedRanges(run, await ipam.driver.list(signal))).length > 0;
  const { move } = await ipam.driver.read(key, signal);
  const isMarked = move?.kind === "joining"; // by a run that was interrupted
  if (!isMarked && (dividedInto(move) !== size || await isUsed())) return;
  await ipam.onSnapshot(key, async (grid, deadline) => {
    if (grid.move?.kind !== "joining" && dividedInto(grid.move) !== size) return;
    await ipam.driver.setMove?.(grid, { kind: "joining", size, run: name }, deadline);
  }, signal);
  const left = await isUsed() ? size : NOT_DIVIDED;
  await ipam.onSnapshot(key, async (grid, deadline) => {
    if (isOf(grid, run)) await ipam.driver.setMove?.(grid, { kind: "divided", size: left }, deadline);
  }, signal);
}
