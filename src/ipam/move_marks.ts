/**
 * The marks of the two pools of a resize: which resizes are possible, and how they begin and end.
 *
 * The former pool is marked first, and the mark of the other one names the run of the command. A later run replaces it, so an earlier one that
 * still runs can neither write copies nor remove any. Every mark is written on the snapshot that permits it.
 *
 * | Former pool   | Other pool | State                                                                                           |
 * | ------------- | ---------- | ----------------------------------------------------------------------------------------------- |
 * | moving        | another    | not begun: no entry has moved, and the mark is undone if that of the other one does not permit it |
 * | moving, moved | receiving  | entries move                                                                                    |
 * | moved         | none       | ended                                                                                           |
 *
 * While the former pool is `moving`, the opposite resize is refused.
 *
 * @module
 */
import { type Cidr, formatCidr, overlap } from "../address/cidr.ts";
import { blockSizeOf, describeMove, type Move, movedTo, obstacleIn } from "../pool/move.ts";
import { formatPoolKey, type PoolKey } from "../pool/types.ts";
import { ConflictError, type PoolSnapshot, RefusedError, type StorageDriver } from "../storage/driver.ts";
import type { Ipam } from "./ipam.ts";

/** A run of the command. */
export interface Run {
  /** The store. */
  readonly ipam: Ipam;
  /** The former pool. */
  readonly from: PoolKey;
  /** The other pool. */
  readonly to: PoolKey;
  /** Its name in the mark of the other pool. */
  readonly name: string;
  /** What it does, for errors. Default: it resizes. */
  readonly what?: string;
  /** Whether the other pool is a block. Default: it is the pool of a range. */
  readonly block?: true;
  /** The deadline. */
  readonly signal: AbortSignal;
}

/**
 * Refuses a resize that is never possible, or not with the marks of the pools.
 *
 * @param all every pool of the store
 * @throws {RefusedError} with the reason
 */
export function refuseImpossible(
  { driver }: Ipam,
  source: PoolSnapshot,
  target: PoolSnapshot,
  all: readonly PoolSnapshot[],
): void {
  const [from, to] = [source.key, target.key];
  const refuse = (why: string) => {
    throw refusal(from, to, why);
  };
  if (!driver.setMove) refuse(`the driver ${JSON.stringify(driver.name)} cannot mark pools (setMove)`);
  if (formatPoolKey(from) === formatPoolKey(to)) refuse("it is the same range");
  if (from.cidr.family !== to.cidr.family) refuse("the ranges are of different families");
  const slice = [source, ...all].find(({ key }) =>
    key.node !== undefined && key.network === from.network && overlap(key.cidr, from.cidr)
  );
  if (slice) {
    const name = `${formatPoolKey(slice.key)} is the slice of node ${slice.key.node}`;
    refuse(`${name}; change the range of the network, and the controller moves slices`);
  }
  const divided = [source, target].find(({ move, block }) => block || blockSizeOf(move) !== undefined);
  if (divided) {
    const what = divided.block ? "a block" : "divided into blocks";
    refuse(`${formatPoolKey(divided.key)} is ${what} (block_size), which are never moved`);
  }
  if (!mayMove(source, to)) throw refusal(from, to, stateOf(source));
}

/** Refuses a dry run whose resize the mark of the other pool would refuse. @throws {RefusedError} */
export function refuseBusy({ key: from }: PoolSnapshot, target: PoolSnapshot): void {
  if (!mayReceive(target, from)) throw refusal(from, target.key, stateOf(target));
}

/**
 * Marks both pools.
 *
 * @throws {RefusedError} another move of one of the pools has not ended
 */
export async function beginMove(run: Run): Promise<void> {
  const { ipam, from, to, name, signal } = run;
  const { driver } = ipam;
  const source = await ipam.onSnapshot(from, async (pool, deadline) => {
    if (!mayMove(pool, to)) throw refusal(from, to, stateOf(pool));
    if (pool.move?.kind === "moving") return pool;
    const moving: Move = { kind: "moving", to: to.cidr, ...(pool.move?.kind === "moved" && { again: true as const }) };
    return await driver.setMove?.(pool, moving, deadline);
  }, signal);
  let former: Move | undefined;
  const obstacle = await ipam.onSnapshot(to, async (pool, deadline) => {
    if (!mayReceive(pool, from)) return pool;
    if (!isOf(pool, run)) former = pool.move;
    await driver.setMove?.(pool, { kind: "receiving", from: from.cidr, run: name }, deadline);
  }, signal);
  if (obstacle) {
    if (source) await undo(driver, source, signal);
    throw refusal(from, to, stateOf(obstacle));
  }
  // this resize, and the opposite one, may have ended between the two marks
  const { move } = await driver.read(from, signal);
  if (move && mayMove({ move }, to)) return;
  await ipam.onSnapshot(to, async (pool, deadline) => {
    if (isOf(pool, run)) await driver.setMove?.(pool, former, deadline);
  }, signal);
  refuseReplaced(run, false);
}

/** The former pool forwards before the other one allocates: a resize whose former pool is still moving has not begun, or not ended. */
export async function endMove(run: Run): Promise<void> {
  const { ipam, from, to, signal } = run;
  const { driver } = ipam;
  await ipam.onSnapshot(from, async (pool, deadline) => {
    refuseReplaced(run, mayMove(pool, to) && pool.move);
    if (pool.move?.kind === "moving") await driver.setMove?.(pool, { kind: "moved", to: to.cidr }, deadline);
  }, signal);
  await ipam.onSnapshot(to, async (pool, deadline) => {
    if (!pool.move) return; // the answer to an earlier attempt was lost
    refuseReplaced(run, isOf(pool, run));
    await driver.setMove?.(pool, undefined, deadline);
  }, signal);
}

/** Whether the other pool, as it was read, receives entries from this run. */
export function isOf({ move }: Pick<PoolSnapshot, "move">, { name }: Pick<Run, "name">): boolean {
  return (move?.kind === "receiving" || move?.kind === "joining") && move.run === name;
}

/** @throws {RefusedError} a pool does not have the mark of this run any more */
export function refuseReplaced({ from, to, what }: Pick<Run, "from" | "to" | "what">, isMarked: unknown): void {
  if (isMarked) return;
  const why = `another run of ${
    what ? "this command" : "resize"
  } has replaced this one; repeat it if the other one fails`;
  throw what ? new RefusedError(`Cannot ${what}: ${why}`) : refusal(from, to, why);
}

/** Whether the entries of a pool may move to another one: it has no mark, or that of the same resize. */
function mayMove({ move }: Pick<PoolSnapshot, "move">, { cidr }: PoolKey): boolean {
  const to = movedTo(move);
  return !obstacleIn(move) || (to !== undefined && isSame(to, cidr));
}

/** Whether a pool may receive the entries of another one: it has no mark, that of the same resize, or its own entries had moved there. */
function mayReceive({ move }: PoolSnapshot, { cidr }: PoolKey): boolean {
  if (!move || !obstacleIn(move)) return true;
  return move.kind === "receiving" ? isSame(move.from, cidr) : move.kind === "moved" && isSame(move.to, cidr);
}

/** @param pool has a mark */
function stateOf({ key, move }: PoolSnapshot): string {
  const remedy = move?.kind === "moved" ? "" : "; complete that resize first";
  return `${formatPoolKey(key)} is ${describeMove(move as Move)}${remedy}`;
}

function isSame(one: Cidr, other: Cidr): boolean {
  return formatCidr(one) === formatCidr(other);
}

/** Undoes the mark of a resize that has not begun. Another run that has continued since then keeps it. */
async function undo(driver: StorageDriver, source: PoolSnapshot, signal: AbortSignal): Promise<void> {
  const { move } = source;
  if (move?.kind !== "moving") return;
  await driver.setMove?.(source, move.again && { kind: "moved", to: move.to }, signal).catch((error) => {
    if (!(error instanceof ConflictError)) throw error;
  });
}

function refusal(from: PoolKey, to: PoolKey, why: string): RefusedError {
  return new RefusedError(`Cannot resize ${formatPoolKey(from)} to ${formatCidr(to.cidr)}: ${why}`);
}
