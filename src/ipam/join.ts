/**
 * Joins a divided range again: its entries move from blocks to its pool, while pods come and go. The way back of `divide.ts`.
 *
 * The pool is marked first, so that no ADD creates a block from then on, then every block that exists, so that none allocates
 * (`grid_marks.ts`). Each entry is written to the pool before it is removed from its block, and a removal is refused if the block has changed
 * since it was read. So at any moment each entry is in at least one of the two, and an interrupted run can be repeated. The blocks keep a
 * forward to the pool. The grid of the domain is removed last, if no other range uses it. Reservations stay as they are.
 *
 * @module
 */
import { gridKey } from "../pool/grid.ts";
import { dividedInto, NOT_DIVIDED } from "../pool/move.ts";
import { formatPoolKey, type PoolKey } from "../pool/types.ts";
import type { PoolSnapshot } from "../storage/driver.ts";
import type { Migrated, MigrateOptions } from "./divide.ts";
import { type GridRun, mayReceive, open, refusal, replaced, stateOf } from "./grid_marks.ts";
import type { Ipam } from "./ipam.ts";
import {
  blocksIn,
  dividedRanges,
  examine,
  type Found,
  mayForward,
  mayJoin,
  plan,
  refuseTwoOwners,
  refuseUnreserved,
} from "./join_checks.ts";
import { moveEntries } from "./join_entries.ts";
import { isOf } from "./move_marks.ts";

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

async function moveAll(run: GridRun, { target, sharing }: Found, options: MigrateOptions): Promise<Migrated> {
  await begin(run, sharing);
  const blocks = await forward(run, target);
  await verifyBegun(run, blocks, sharing);
  const migrated = await moveEntries(run, blocks, options);
  await end(run);
  return migrated;
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
 * @param target the pool before this run
 * @returns the blocks
 */
async function forward(run: GridRun, target: PoolSnapshot): Promise<PoolSnapshot[]> {
  const { ipam, pool, signal } = run;
  const blocks: PoolSnapshot[] = [];
  for (const { key } of blocksIn(await ipam.driver.list(signal), run, target)) {
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
