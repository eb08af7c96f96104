/**
 * What `migrate blocks --back` reads and refuses before it changes anything, and the state of marks that permits a step.
 *
 * @module
 */
import { formatCidr, overlap } from "../address/cidr.ts";
import { formatIp } from "../address/ip.ts";
import { blocksOfPool } from "../pool/grid.ts";
import { blockSizeOf, type Move, planMove } from "../pool/move.ts";
import { addressOf, formatPoolKey, mayBeOf, type PoolKey } from "../pool/types.ts";
import type { PoolSnapshot } from "../storage/driver.ts";
import type { Migrated } from "./divide.ts";
import { type GridRun, mayReceive, refusal, stateOf } from "./grid_marks.ts";
import { reservationOf } from "./release_reservation.ts";

/** Max entries of a pool: an object of an API server has at most 1.5 MB, and an entry takes some 150 bytes. */
const MAX_ENTRIES = 10_000;

/** What a run knows before it changes anything. */
export interface Found {
  /** The pool of the range. */
  readonly target: PoolSnapshot;
  /** Its blocks. */
  readonly blocks: readonly PoolSnapshot[];
  /** Other pools of the domain that share blocks with it, and that the caller joins after this one. */
  readonly sharing: readonly PoolKey[];
}

/** Reads the pools, and refuses what is never possible, or not with their present state. @throws {RefusedError} with the reason */
export async function examine(run: GridRun, others: readonly PoolKey[]): Promise<Found> {
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
  const present = blocksIn(all, run, target);
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

/** The blocks of a pool. Once it is joined, the pool of another range with the prefix length of a block is none any more. */
export function blocksIn(
  all: readonly PoolSnapshot[],
  { pool, size }: GridRun,
  { move }: Pick<PoolSnapshot, "move">,
): PoolSnapshot[] {
  return blocksOfPool(pool, size, all).filter(({ block }) => block || move?.kind !== "joined");
}

/** Whether the blocks of a pool may be joined: they are its layout, or a run has begun or ended. */
export function mayJoin(move: Move | undefined, size: number): boolean {
  return (move?.kind === "divided" || move?.kind === "joining" || move?.kind === "joined") && move.size === size;
}

/** Whether a block may forward to the pool: it has no mark, or one of a migration of this pool, or forwards to one that shares the block. */
export function mayForward(move: Move | undefined, pool: PoolKey): boolean {
  return mayReceive(move, pool) || (move?.kind === "moved" && overlap(move.to, pool.cidr));
}

/** The pools of the domain whose entries live in blocks, or move there or back. */
export async function dividedRanges(
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
export async function refuseUnreserved(
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

export function plan({ target, blocks }: Found): Migrated {
  const plans = blocks.map(({ key, allocations }) => planMove(allocations, target.allocations, key.cidr));
  return {
    moved: plans.reduce((sum, { moving }) => sum + moving.length, 0),
    conflicts: plans.flatMap(({ conflicts }) => conflicts),
    blocks: plans.filter(({ moving }) => moving.length > 0).length,
  };
}

export function refuseTwoOwners(run: GridRun, { conflicts }: Migrated): void {
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
