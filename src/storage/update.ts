/**
 * The only code that changes pools: read, decide, commit, and retry all of it after a conflict.
 *
 * @module
 */
import { decide, type Decision } from "../pool/decide.ts";
import type { Outcome, PoolRequest } from "../pool/requests.ts";
import type { PoolKey } from "../pool/types.ts";
import { ConflictError, type PoolSnapshot, type StorageDriver } from "./driver.ts";
import { type Clock, retry } from "./retry.ts";

/** Options of an update. */
export interface UpdateOptions {
  /** The deadline. */
  readonly signal: AbortSignal;
  /** The clock for retries. */
  readonly clock: Clock;
  /** The pool as the caller remembers it: saves the first read. A stale one only costs a conflict or that read. */
  readonly from?: PoolSnapshot;
  /** Called if a commit on `from` conflicted. */
  readonly onStale?: () => void;
  /** Replaces the back-off after a conflict: receives the milliseconds of the attempt, returns those to wait. */
  readonly onConflict?: (took: number) => number;
  /** Called with the decision before each write. After a failure it is all that the caller knows of what may be stored. */
  readonly onAttempt?: (decision: Decision) => void;
  /** Milliseconds to wait between decision and write (`sleep_for_race`). Default 0. */
  readonly pause?: number;
}

/** The result of an update. */
interface Updated {
  /** One per request, in order. */
  readonly outcomes: readonly Outcome[];
  /** The pool after it. */
  readonly snapshot: PoolSnapshot;
}

/**
 * Serves requests on one pool in one commit. Every attempt decides again on a fresh snapshot, so each allocation is the next free address
 * in the order of commits.
 *
 * @param requests called before each decision. Earlier requests must keep their places; more may follow
 * @throws {ConflictError} every attempt conflicted
 * @throws {UnavailableError} the store did not answer
 * @throws {RefusedError} the store refused
 */
export function update(
  driver: StorageDriver,
  key: PoolKey,
  requests: () => readonly PoolRequest[],
  options: UpdateOptions,
): Promise<Updated> {
  let known = options.from;
  const { clock } = options;
  const decideOn = (snapshot: PoolSnapshot): Decision =>
    decide(snapshot.allocations, requests(), snapshot, { now: clock.now(), random: () => clock.random() });
  return retry(
    async (signal) => {
      const remembered = known;
      known = undefined;
      const updated = remembered && await fromMemory(driver, remembered, decideOn(remembered), options, signal);
      if (updated) return marked(updated);
      const snapshot = await driver.read(key, signal);
      const decision = decideOn(snapshot);
      if (decision.changes.length === 0) return marked({ outcomes: decision.outcomes, snapshot });
      return marked(await write(driver, snapshot, decision, options, signal));
    },
    options.clock,
    options.signal,
    options.onConflict,
  );
}

/**
 * Adds to releases and restorations whether the pool must reserve, and to releases where its entries live. The pool after the commit shows both:
 * a release may read none before.
 */
function marked({ outcomes, snapshot }: Updated): Updated {
  const { mustReserve, move } = snapshot;
  if (!mustReserve && !move) return { outcomes, snapshot };
  const marks = { ...(mustReserve && { mustReserve }) };
  const mark = (outcome: Outcome): Outcome => {
    if (outcome.kind === "released") return { ...outcome, ...marks, ...(move && { move }) };
    return outcome.kind === "restored" ? { ...outcome, ...marks } : outcome;
  };
  return { outcomes: outcomes.map(mark), snapshot };
}

/**
 * Reads a pool and runs work on the snapshot. Repeats both after a conflict, or if the store did not answer.
 *
 * @throws the work's last error
 */
export function onSnapshot<T>(
  driver: StorageDriver,
  key: PoolKey,
  work: (snapshot: PoolSnapshot, signal: AbortSignal) => Promise<T>,
  { clock, signal }: Pick<UpdateOptions, "clock" | "signal">,
): Promise<T> {
  return retry(async (deadline) => await work(await driver.read(key, deadline), deadline), clock, signal);
}

/**
 * Writes a decision on a remembered pool.
 *
 * @returns undefined if the pool must be read first: it changed since, which needs no back-off; or there is nothing to write, so that no
 * commit would verify the remembered pool
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
  { changes, outcomes, reuse, block }: Decision,
  { clock, pause, onAttempt }: UpdateOptions,
  signal: AbortSignal,
): Promise<Updated> {
  if (pause) await clock.sleep(pause, signal);
  onAttempt?.({ changes, outcomes });
  const recorded = driver.recordsReuse ? reuse : undefined;
  const written = block ? { ...snapshot, block } : snapshot;
  return { outcomes, snapshot: await driver.commit(written, changes, signal, recorded) };
}
