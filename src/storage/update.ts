/**
 * The one place that changes pools: read, decide, commit, and all of it again when somebody else was faster.
 *
 * @module
 */
import { decide, type Decision } from "../pool/decide.ts";
import type { Outcome, PoolRequest } from "../pool/requests.ts";
import type { PoolKey } from "../pool/types.ts";
import { ConflictError, type PoolSnapshot, type StorageDriver } from "./driver.ts";
import { type Clock, retry } from "./retry.ts";

/** How an update is made. */
export interface UpdateOptions {
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Time and chance. */
  readonly clock: Clock;
  /** The pool as the caller remembers it: saves the first read. A stale one costs a conflict or that read, nothing else. */
  readonly from?: PoolSnapshot;
  /** Told that it turned out stale: a commit on it was refused. */
  readonly onStale?: () => void;
  /** Told before each write what is about to be written: after a failure, the caller's only knowledge of what may be stored. */
  readonly onAttempt?: (decision: Decision) => void;
  /** Milliseconds to wait between decision and write (`sleep_for_race`). Default 0. */
  readonly pause?: number;
}

/** What an update came to. */
export interface Updated {
  /** One a request, in order. */
  readonly outcomes: readonly Outcome[];
  /** The pool after it. */
  readonly snapshot: PoolSnapshot;
}

/**
 * Serves requests on one pool, all of them in one commit. The decision is made anew on every fresh snapshot, so what is given is
 * the lowest free address in the order of commits.
 *
 * @param requests asked for before each decision: those of before in their places, and perhaps more
 * @throws {ConflictError} others were faster every time
 * @throws {UnavailableError} the store did not answer
 * @throws {RefusedError} the store said no
 */
export function update(
  driver: StorageDriver,
  key: PoolKey,
  requests: () => readonly PoolRequest[],
  options: UpdateOptions,
): Promise<Updated> {
  let known = options.from;
  const decideOn = ({ allocations, fence }: PoolSnapshot): Decision => decide(allocations, requests(), fence);
  return retry(
    async (signal) => {
      const remembered = known;
      known = undefined;
      const renewed = remembered && await fromMemory(driver, remembered, decideOn(remembered), options, signal);
      if (renewed) return renewed;
      const snapshot = await driver.read(key, signal);
      const decision = decideOn(snapshot);
      if (decision.changes.length === 0) return { outcomes: decision.outcomes, snapshot };
      return await write(driver, snapshot, decision, options, signal);
    },
    options.clock,
    options.signal,
  );
}

/**
 * Reads a pool and does work on the snapshot; again when the pool changed meanwhile or the store did not answer.
 *
 * @throws what the work threw last
 */
export function onSnapshot<T>(
  driver: StorageDriver,
  key: PoolKey,
  work: (snapshot: PoolSnapshot, signal: AbortSignal) => Promise<T>,
  { clock, signal }: Pick<UpdateOptions, "clock" | "signal">,
): Promise<T> {
  return retry(async (limit) => await work(await driver.read(key, limit), limit), clock, signal);
}

/**
 * Writes what was decided on a remembered pool.
 *
 * @returns undefined where the pool must be read first: others changed it since, which is no contest to back off from; or there is nothing
 * to write, so no commit would compare, and what was remembered is no answer before it was looked at
 */
async function fromMemory(
  driver: StorageDriver,
  remembered: PoolSnapshot,
  decision: Decision,
  options: UpdateOptions,
  signal: AbortSignal,
): Promise<Updated | undefined> {
  if (decision.changes.length === 0) return undefined;
  try {
    return await write(driver, remembered, decision, options, signal);
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
    options.onStale?.();
    return undefined;
  }
}

async function write(
  driver: StorageDriver,
  snapshot: PoolSnapshot,
  { changes, outcomes }: Decision,
  { clock, pause, onAttempt }: UpdateOptions,
  signal: AbortSignal,
): Promise<Updated> {
  if (pause) await clock.sleep(pause, signal);
  onAttempt?.({ changes, outcomes });
  return { outcomes, snapshot: await driver.commit(snapshot, changes, signal) };
}
