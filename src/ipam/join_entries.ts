/**
 * Moves the entries of blocks to the pool of their range, once both are marked.
 *
 * @module
 */
import { contains } from "../address/cidr.ts";
import { MAX_RESTS, type Reuse } from "../pool/reuse.ts";
import { type Allocation, type Allocations, formatPoolKey, type PoolKey } from "../pool/types.ts";
import { ConflictError, type PoolSnapshot } from "../storage/driver.ts";
import type { Migrated, MigrateOptions } from "./divide.ts";
import type { GridRun } from "./grid_marks.ts";
import type { Run } from "./move_marks.ts";
import { CHUNK, copy, MAX_ATTEMPTS, remove, withdrawGone } from "./resize.ts";

/** Moves chunk by chunk until the blocks have only entries that stay. */
export async function moveEntries(
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
    const chunk: PoolSnapshot[] = [];
    // as late as possible: a copy of an entry that was released since has to be removed again
    for (const { key } of chunkOf([...pending.values()])) chunk.push(await ipam.driver.read(key, signal));
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
        if (removal === "removed" && moving.length === block.allocations.size) pending.delete(name);
      }
      const stay = copied.plan.conflicts.filter(({ allocation }) => ofBlock([allocation]).length > 0);
      if (stay.length === block.allocations.size) {
        pending.delete(name);
        conflicts.push(...stay);
      }
    }
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
