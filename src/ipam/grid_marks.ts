/**
 * The marks of `migrate blocks`: which pools may be divided or joined, and how entries begin and end to move.
 *
 * | Pool of the range | Blocks           | State                                               |
 * | ----------------- | ---------------- | --------------------------------------------------- |
 * | none, joined      | none, moved      | the entries live in the pool                        |
 * | dividing          | none, receiving  | entries move to blocks                              |
 * | divided           | receiving        | all have moved, and blocks begin to allocate        |
 * | divided           | none             | the entries live in blocks                          |
 * | joining           | none, moved      | entries move to the pool, and then it is joined     |
 *
 * The mark of the pool names the run of the command, and so do those of receiving blocks. A later run replaces it, so an earlier one that still
 * runs can neither write copies nor remove any. A block that is `moved` to the pool allocates nothing, before and after its entries move.
 *
 * @module
 */
import { type Cidr, formatCidr, overlap } from "../address/cidr.ts";
import { blocksOfPool, gridKey } from "../pool/grid.ts";
import { describeMove, dividedInto, isUnderWay, type Move, movedTo, NOT_DIVIDED } from "../pool/move.ts";
import { formatPoolKey, mayBeOf, type PoolKey } from "../pool/types.ts";
import { type PoolSnapshot, RefusedError } from "../storage/driver.ts";
import { commandOf } from "./errors.ts";
import type { Ipam } from "./ipam.ts";

/** A run of the command on one pool. */
export interface GridRun {
  /** The store. */
  readonly ipam: Ipam;
  /** The pool of the range. */
  readonly pool: PoolKey;
  /** The prefix length of the blocks. */
  readonly size: number;
  /** Its name in marks. */
  readonly name: string;
  /** What it does, for errors: `divide pool 10.0.0.0/16 into blocks of /24`. */
  readonly what: string;
  /** The deadline. */
  readonly signal: AbortSignal;
}

/** The error for a run that cannot begin or continue. */
export function refusal({ what }: Pick<GridRun, "what">, why: string): RefusedError {
  return new RefusedError(`Cannot ${what}: ${why}`);
}

/** The error for a run that another one has replaced. */
export function replaced(run: Pick<GridRun, "what">): RefusedError {
  return refusal(run, "another run of this command has replaced this one; repeat it if the other one fails");
}

/**
 * Refuses what is never possible, or not with the present pools. Reads nothing but the grid of the domain.
 *
 * @param source the pool of the range
 * @param all every pool of the store
 * @param others further pools that the caller divides after this one
 * @throws {RefusedError} with the reason
 */
export async function refuseUndividable(
  run: GridRun,
  source: PoolSnapshot,
  all: readonly PoolSnapshot[],
  others: readonly PoolKey[],
): Promise<void> {
  const { ipam: { driver }, pool, size, signal } = run;
  const refuse = (why: string) => {
    throw refusal(run, why);
  };
  if (!driver.setMove || !driver.listBlocks) {
    refuse(`the driver ${JSON.stringify(driver.name)} does not support blocks (setMove, listBlocks)`);
  }
  const name = formatPoolKey(pool);
  const ofDomain = all.filter(({ key }) => mayBeOf(key, pool.network) && overlap(key.cidr, pool.cidr));
  const slice = [source, ...ofDomain].find(({ key }) => key.node !== undefined);
  if (slice) refuse(`${formatPoolKey(slice.key)} is the slice of node ${slice.key.node}, and slices have no blocks`);
  if (source.block || pool.cidr.prefix >= size) refuse(`${name} fits in one block`);
  const kept = source.allocations.values().find(({ keeper }) => keeper);
  if (kept) {
    refuse(
      `${kept.keeper?.kind} ${kept.keeper?.name} keeps an address of ${name}, and block_size excludes allow_persistent_ips and sticky; ` +
        "remove these settings, and release the kept addresses",
    );
  }
  // a store without such marks finds out for each block by itself
  if (source.mustReserve && driver.requireReservations) {
    refuse(
      `another network reserves addresses that overlap ${name}, whose own network has enable_overlapping_ranges false; ` +
        "set it to the same value in both",
    );
  }
  if (!mayDivide(source.move, size)) refuse(stateOf(source));
  const grid = await driver.read(gridKey(pool.network, pool.cidr.family), signal);
  if (!mayRecord(grid.move, size)) {
    const former = dividedInto(grid.move);
    refuse(former === undefined ? stateOf(grid) : `the blocks of this network_name are /${former}`);
  }
  const together = new Set([pool, ...others].map(formatPoolKey));
  const beside = ofDomain.filter(({ key, move }) => key.cidr.prefix < size && !isElsewhere(move))
    .map(({ key }) => formatPoolKey(key)).filter((one) => !together.has(one));
  if (beside.length > 0) refuse(`${beside.sort().join(", ")} overlaps it and is not divided; name both in one call`);
  const busy = blocksOfPool(pool, size, all).find(({ move }) => !mayReceive(move, pool));
  if (busy) refuse(stateOf(busy));
}

function isElsewhere(move: Move | undefined): boolean {
  return move?.kind === "moved" || move?.kind === "divided" || move?.kind === "dividing";
}

/** Whether the pool of the grid may record a size: it records that size, or no range is divided. */
function mayRecord(move: Move | undefined, size: number): boolean {
  const recorded = move ? dividedInto(move) : NOT_DIVIDED;
  return recorded === size || recorded === NOT_DIVIDED;
}

/** Records the grid of a domain. @throws {RefusedError} it is another one, or a command removes it */
export async function recordGrid(run: GridRun): Promise<void> {
  const { ipam, pool, size, signal } = run;
  await ipam.onSnapshot(gridKey(pool.network, pool.cidr.family), async (grid, deadline) => {
    if (!mayRecord(grid.move, size)) throw refusal(run, stateOf(grid));
    if (dividedInto(grid.move) !== size) await ipam.driver.setMove?.(grid, { kind: "divided", size }, deadline);
  }, signal);
}

/** Whether a pool may be divided: it allocates, or has the mark of the same division. */
export function mayDivide(move: Move | undefined, size: number): boolean {
  return !move || move.kind === "joined" ||
    ((move.kind === "dividing" || move.kind === "divided") && move.size === size);
}

/** Whether a block may receive entries of the pool, or give it its own: it has no mark, or one of an earlier migration of the same pool. */
export function mayReceive(move: Move | undefined, { cidr }: PoolKey): boolean {
  const other = move?.kind === "receiving" ? move.from : move?.kind === "moved" ? movedTo(move) : undefined;
  return !move || (other !== undefined && formatCidr(other) === formatCidr(cidr));
}

/**
 * Lets a block of a divided pool allocate again. Another run may mark the pool meanwhile: it then writes the marks of all blocks, with which
 * this write conflicts.
 */
export async function open({ ipam, pool, size, signal }: GridRun, cidr: Cidr): Promise<void> {
  await ipam.onSnapshot({ network: pool.network, cidr }, async (block, deadline) => {
    if (!block.move || !mayReceive(block.move, pool)) return;
    const { move } = await ipam.driver.read(pool, deadline);
    if (dividedInto(move) === size) await ipam.driver.setMove?.(block, undefined, deadline);
  }, signal);
}

/** @param pool has a mark */
export function stateOf({ key, move }: Pick<PoolSnapshot, "key" | "move">): string {
  if (!move) return `${formatPoolKey(key)} is not divided`;
  const remedy = isUnderWay(move) ? `; complete that command first (${commandOf(move)})` : "";
  return `${formatPoolKey(key)} is ${describeMove(move)}${remedy}`;
}
