/**
 * Resizes a range: its entries move to the pool of another range, while pods come and go.
 *
 * Both pools are marked first, so that neither allocates until all entries are in the other pool; an ADD that was decided before conflicts.
 * Each entry is written to the other pool before it is removed from its own, and a removal is refused if the pool has changed since it was read.
 * So at any moment each entry is in at least one of the two, and an interrupted resize can be repeated. Reservations stay as they are.
 *
 * A release follows the mark: it removes the entry from the former pool, then from the other one. A copy that was written between the two has
 * no entry any more when the former pool is to be changed, and is removed again.
 *
 * @module
 */
import { contains, formatCidr, overlap } from "../address/cidr.ts";
import { dividedInto, encodeMove, type Move, movedTo, type MovePlan, planMove } from "../pool/move.ts";
import { withdraw } from "../pool/requests.ts";
import type { Reuse } from "../pool/reuse.ts";
import { type Allocation, formatPoolKey, type PoolKey, sameEntry } from "../pool/types.ts";
import { ConflictError, type PoolSnapshot, RefusedError } from "../storage/driver.ts";
import type { Ipam } from "./ipam.ts";

/** Entries per commit: an API server accepts ten thousand operations in a patch, and releases need gaps between commits. */
const CHUNK = 500;

/** Max attempts at one chunk: releases and the sweep change the former pool meanwhile, and each removes an entry. */
const MAX_ATTEMPTS = 100;

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
 * @throws {RefusedError} the store cannot mark pools; a pool is a node's slice; another move of one of the pools has not ended
 * @throws the store's error. Both pools may be marked then: repeat the call
 */
export async function resize(ipam: Ipam, from: PoolKey, to: PoolKey, options: ResizeOptions): Promise<Resized> {
  const { dryRun, signal } = options;
  const [source, target] = [await ipam.driver.read(from, signal), await ipam.driver.read(to, signal)];
  refuseImpossible(ipam, source, target, await ipam.driver.list(signal));
  const plan = planMove(source.allocations, target.allocations, to.cidr);
  if (dryRun) return { ...plan, moved: plan.moving.length };
  await mark(ipam, from, { kind: "moving", to: to.cidr }, signal);
  await mark(ipam, to, { kind: "receiving", from: from.cidr }, signal);
  const resized = await moveEntries(ipam, from, to, options);
  await mark(ipam, to, undefined, signal);
  await mark(ipam, from, { kind: "moved", to: to.cidr }, signal);
  return resized;
}

/** @param all every pool of the store */
function refuseImpossible(
  { driver }: Ipam,
  source: PoolSnapshot,
  target: PoolSnapshot,
  all: readonly PoolSnapshot[],
): void {
  const [from, to] = [formatPoolKey(source.key), formatPoolKey(target.key)];
  const refuse = (why: string) => {
    throw new RefusedError(`Cannot resize ${from} to ${formatCidr(target.key.cidr)}: ${why}`);
  };
  if (!driver.setMove) refuse(`the driver ${JSON.stringify(driver.name)} cannot mark pools (setMove)`);
  if (from === to) refuse("it is the same range");
  if (source.key.cidr.family !== target.key.cidr.family) refuse("the ranges are of different families");
  const slice = [source, ...all].find(({ key }) =>
    key.node !== undefined && key.network === source.key.network && overlap(key.cidr, source.key.cidr)
  );
  if (slice) {
    refuse(
      `${
        formatPoolKey(slice.key)
      } is the slice of node ${slice.key.node}; change the range of the network, and the controller moves slices`,
    );
  }
  const divided = [source, target].find(({ move, block }) => block || dividedInto(move) !== undefined);
  if (divided) {
    refuse(
      `${formatPoolKey(divided.key)} is ${
        divided.block ? "a block" : "divided into blocks"
      } (block_size), which are never moved`,
    );
  }
  const { move } = source;
  if (move?.kind === "receiving") refuse(`${from} is ${encodeMove(move)}; repeat that resize first`);
  const elsewhere = movedTo(move);
  if (elsewhere && formatCidr(elsewhere) !== formatCidr(target.key.cidr)) {
    refuse(`${from} is ${encodeMove(move as Move)}`);
  }
  const back = movedTo(target.move);
  const isOwn = target.move?.kind === "receiving"
    ? formatCidr(target.move.from) === formatCidr(source.key.cidr)
    : target.move?.kind === "moved" && back !== undefined && formatCidr(back) === formatCidr(source.key.cidr);
  if (target.move && !isOwn) refuse(`${to} is ${encodeMove(target.move)}`);
}

async function mark(ipam: Ipam, key: PoolKey, move: Move | undefined, signal: AbortSignal): Promise<void> {
  await ipam.onSnapshot(key, async (pool, deadline) => {
    if ((pool.move && encodeMove(pool.move)) === (move && encodeMove(move))) return;
    await ipam.driver.setMove?.(pool, move, deadline);
  }, signal);
}

/** Moves chunk by chunk until the former pool has only entries that stay. */
async function moveEntries(
  ipam: Ipam,
  from: PoolKey,
  to: PoolKey,
  { signal, progress }: ResizeOptions,
): Promise<Resized> {
  let moved = 0;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const source = await ipam.driver.read(from, signal);
    const { plan, written } = await copy(ipam, source, to, signal);
    if (plan.moving.length === 0) return { moved, outside: plan.outside, conflicts: plan.conflicts };
    if (!await removed(ipam, source, plan.moving, signal)) {
      await withdrawGone(ipam, from, to, written, signal);
      continue;
    }
    attempt = 0;
    moved += plan.moving.length;
    progress?.(moved, moved + source.allocations.size - plan.moving.length);
  }
  throw new ConflictError(
    `Pool ${formatPoolKey(from)} changed during each of ${MAX_ATTEMPTS} attempts to move its entries`,
  );
}

/** Writes a chunk of entries to the other pool. @returns the plan of the chunk, and what this call wrote */
async function copy(
  ipam: Ipam,
  source: PoolSnapshot,
  to: PoolKey,
  signal: AbortSignal,
): Promise<{ readonly plan: MovePlan; readonly written: readonly Allocation[] }> {
  const written: Allocation[] = []; // also by attempts whose answer was lost
  return await ipam.onSnapshot(to, async (target, deadline) => {
    const all = planMove(source.allocations, target.allocations, to.cidr);
    const moving = all.moving.slice(0, CHUNK);
    const addresses = new Set(moving.map(({ address }) => address));
    const changes = all.changes.filter(({ address }) => addresses.has(address));
    written.push(...changes.flatMap(({ after }) => after ?? []));
    const reuse = ipam.driver.recordsReuse && !target.reuse ? restsOf(source, to) : undefined;
    if (changes.length > 0) await ipam.driver.commit(target, changes, deadline, reuse);
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

/** Removes entries from the pool as it was read. @returns false if it has changed since */
async function removed(
  { driver }: Ipam,
  source: PoolSnapshot,
  entries: readonly Allocation[],
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await driver.commit(source, entries.map((before) => ({ address: before.address, before })), signal);
    return true;
  } catch (error) {
    if (error instanceof ConflictError) return false;
    throw error; // it may have been written: the copies stay
  }
}

/** Removes copies of entries that were released before they could be removed from the former pool. */
async function withdrawGone(
  ipam: Ipam,
  from: PoolKey,
  to: PoolKey,
  written: readonly Allocation[],
  signal: AbortSignal,
): Promise<void> {
  const { allocations } = await ipam.driver.read(from, signal);
  const gone = written.filter((copied) => {
    const entry = allocations.get(copied.address);
    return !entry || !sameEntry(entry, copied);
  });
  const changes = gone.flatMap((copied) => withdraw(copied).changes);
  if (changes.length > 0) await ipam.commit(to, { kind: "revert", changes }, { signal });
}
