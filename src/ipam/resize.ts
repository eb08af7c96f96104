/**
 * Resizes a range: its entries move to the pool of another range, while pods come and go.
 *
 * Both pools are marked first (`move_marks.ts`), so that neither allocates until all entries are in the other pool; an ADD that was decided
 * before conflicts. Each entry is written to the other pool before it is removed from its own, and a removal is refused if the pool has
 * changed since it was read. So at any moment each entry is in at least one of the two, and an interrupted resize can be repeated.
 * Reservations stay as they are.
 *
 * A release follows the mark: it removes the entry from the former pool, then from the other one. A copy that was written between the two has
 * no entry any more when the former pool is to be changed, and is removed again.
 *
 * @module
 */
import { contains } from "../address/cidr.ts";
import { type MovePlan, planMove } from "../pool/move.ts";
import type { Reuse } from "../pool/reuse.ts";
import { type Allocation, formatPoolKey, type PoolKey, sameEntry } from "../pool/types.ts";
import { ConflictError, type PoolSnapshot, UnavailableError } from "../storage/driver.ts";
import { attempt } from "../storage/retry.ts";
import type { Ipam } from "./ipam.ts";
import { beginMove, endMove, isOf, refuseBusy, refuseImpossible, refuseReplaced, type Run } from "./move_marks.ts";

/** Entries per commit: an API server accepts ten thousand operations in a patch, and releases need gaps between commits. */
export const CHUNK = 500;

/** Max attempts at one chunk: releases and the sweep change the former pool meanwhile, and each removes an entry. */
export const MAX_ATTEMPTS = 100;

/** The result of a resize. */
export interface Resized extends Pick<MovePlan, "outside" | "conflicts"> {
  /** Number of entries that moved; in a dry run, that would move. */
  readonly moved: number;
}

/** Options of a resize. */
interface ResizeOptions {
  /** Change nothing. */
  readonly dryRun: boolean;
  /** The deadline. */
  readonly signal: AbortSignal;
  /** Called with the number of entries that have moved so far, and of all. */
  readonly progress?: (done: number, all: number) => void;
}

/**
 * Moves the entries of a pool to the pool of another range of the same network. Entries whose addresses the other range does not have stay,
 * as do those whose address has another owner there.
 *
 * @throws {RefusedError} the store cannot mark pools; a pool is a node's slice; another move of one of the pools has not ended; another run
 * of the same resize has begun since
 * @throws the store's error. Both pools may be marked then: repeat the call
 */
export async function resize(ipam: Ipam, from: PoolKey, to: PoolKey, options: ResizeOptions): Promise<Resized> {
  const { dryRun, signal } = options;
  const [source, target] = [await ipam.driver.read(from, signal), await ipam.driver.read(to, signal)];
  refuseImpossible(ipam, source, target, await ipam.driver.list(signal));
  const plan = planMove(source.allocations, target.allocations, to.cidr);
  if (dryRun) {
    refuseBusy(source, target);
    return { ...plan, moved: plan.moving.length };
  }
  const run = { ipam, from, to, signal, name: ipam.clock.random().toString(36).slice(2) };
  await beginMove(run);
  const resized = await moveEntries(run, options);
  await endMove(run);
  return resized;
}

/** Moves chunk by chunk until the former pool has only entries that stay. */
async function moveEntries(run: Run, { progress }: ResizeOptions): Promise<Resized> {
  const { ipam, from, signal } = run;
  let moved = 0;
  for (let attempts = 0; attempts < MAX_ATTEMPTS; attempts++) {
    const source = await ipam.driver.read(from, signal);
    refuseReplaced(run, source.move && source.move.kind !== "receiving");
    const { plan, written } = await copy(run, source);
    if (plan.moving.length === 0) return { moved, outside: plan.outside, conflicts: plan.conflicts };
    const removal = await remove(ipam, source, plan.moving, signal);
    if (removal === "changed") await withdrawGone(run, written);
    if (removal !== "removed") continue; // if they may have been removed, the copies stay
    attempts = 0;
    moved += plan.moving.length;
    progress?.(moved, moved + source.allocations.size - plan.moving.length);
  }
  throw new ConflictError(
    `Pool ${formatPoolKey(from)} changed during each of ${MAX_ATTEMPTS} attempts to move its entries`,
  );
}

/** Writes a chunk of entries to the other pool. @returns the plan of the chunk, and what this call wrote */
export async function copy(
  run: Run,
  source: PoolSnapshot,
): Promise<{ readonly plan: MovePlan; readonly written: readonly Allocation[] }> {
  const { ipam, to, signal } = run;
  const written: Allocation[] = []; // also by attempts whose answer was lost
  return await ipam.onSnapshot(to, async (target, deadline) => {
    refuseReplaced(run, isOf(target, run));
    const all = planMove(source.allocations, target.allocations, to.cidr);
    const moving = all.moving.slice(0, CHUNK);
    const addresses = new Set(moving.map(({ address }) => address));
    const changes = all.changes.filter(({ address }) => addresses.has(address));
    written.push(...changes.flatMap(({ after }) => after ?? []));
    const reuse = ipam.driver.recordsReuse && !target.reuse ? restsOf(source, to) : undefined;
    const block = run.block && { block: run.block };
    if (changes.length > 0) await ipam.driver.commit({ ...target, ...block }, changes, deadline, reuse);
    return { plan: { ...all, moving, changes }, written };
  }, signal);
}

/** The rests of the addresses that the other pool has, if it records none yet. */
function restsOf({ reuse }: PoolSnapshot, { cidr }: PoolKey): Reuse | undefined {
  if (!reuse) return undefined;
  const has = (value: bigint) => contains(cidr, { family: cidr.family, value });
  const { last, ...others } = reuse;
  return {
    ...others,
    rests: new Map([...reuse.rests].filter(([address]) => has(address))),
    ...(last !== undefined && has(last) && { last }),
  };
}

/** Removes entries from the pool as it was read. `changed`: it has changed since. `unknown`: the store did not answer, and may have written. */
export async function remove(
  { driver, clock }: Ipam,
  source: PoolSnapshot,
  entries: readonly Allocation[],
  signal: AbortSignal,
): Promise<"removed" | "changed" | "unknown"> {
  const changes = entries.map((before) => ({ address: before.address, before }));
  try {
    await attempt((deadline) => driver.commit(source, changes, deadline), clock, signal);
    return "removed";
  } catch (error) {
    if (error instanceof ConflictError) return "changed";
    if (error instanceof UnavailableError) return "unknown";
    throw error;
  }
}

/**
 * Removes copies of entries that were released before they could be removed from the former pool. A later run may have moved them instead:
 * once it has replaced this one, they stay.
 */
export async function withdrawGone({ name, ...run }: Run, written: readonly Allocation[]): Promise<void> {
  const { ipam, from, to, signal } = run;
  await ipam.onSnapshot(to, async (target, deadline) => {
    refuseReplaced(run, isOf(target, { name }));
    const { allocations } = await ipam.driver.read(from, deadline);
    const gone = written.filter((copied) => {
      const [entry, copy] = [allocations.get(copied.address), target.allocations.get(copied.address)];
      return copy && sameEntry(copy, copied) && !(entry && sameEntry(entry, copied));
    });
    const changes = gone.map((before) => ({ address: before.address, before }));
    const block = run.block && { block: run.block };
    if (changes.length > 0) await ipam.driver.commit({ ...target, ...block }, changes, deadline);
  }, signal);
}
