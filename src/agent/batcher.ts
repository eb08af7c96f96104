/**
 * Many requests, few commits: requests that arrive during a commit of their pool are decided together on the next snapshot, in order of
 * arrival, and written in one commit. Without it, a hundred concurrent ADDs take 5 times as long (`deno task bench --ablation batches`).
 *
 * No request delays or fails the others of its batch: a request with a pause is queued after the pause, and a batch that the store refuses
 * is written in parts, releases first, until only the requests that cause the refusal fail.
 *
 * @module
 */
import type { CommitOptions } from "../ipam/ipam.ts";
import type { Decision } from "../pool/decide.ts";
import type { Outcome, PoolRequest } from "../pool/requests.ts";
import { type Allocation, formatPoolKey, type PoolKey, sameOwner } from "../pool/types.ts";
import { ConflictError, type StorageDriver, UnavailableError } from "../storage/driver.ts";
import type { Clock } from "../storage/retry.ts";
import { update } from "../storage/update.ts";
import { startDeadline } from "../async/deadline.ts";
import { unlessAborted } from "../async/abort.ts";
import { Contention } from "./contention.ts";
import { divide } from "./divide.ts";
import { PoolMemory, REMEMBERED_FOR } from "./memory.ts";

/**
 * Max requests per commit. A request changes a few entries, and an entry takes up to three of the 10,000 operations that the API server
 * accepts in a patch.
 */
const MAX_BATCH_SIZE = 1_000;
/** Milliseconds that a batch may take: as long as a plugin waits for the agent, so that then no caller is left. */
const BATCH_TIMEOUT = 30_000;
/** Milliseconds in which other requests may join a batch: the last ones still have two thirds of its time. */
const JOIN_TIMEOUT = 10_000;
/**
 * Max divisions of one batch after refusals. Ten find one refused request among {@linkcode MAX_BATCH_SIZE}; if the store refuses every
 * request, about thirty commits are tried before the rest of the batch fails.
 */
const MAX_DIVISIONS = 16;

/** Replaces the request of a caller that stopped waiting. */
const NOTHING: PoolRequest = { kind: "revert", changes: [] };

/** Observes batches. */
export interface BatchObserver {
  /** A batch was committed. */
  readonly onBatch: (requests: number, milliseconds: number) => void;
}

interface Waiting {
  readonly request: PoolRequest;
  readonly options: CommitOptions;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
}

/** The queue of one pool. */
class PoolQueue {
  readonly #driver: StorageDriver;
  readonly #key: PoolKey;
  readonly #clock: Clock;
  readonly #now: () => number;
  readonly #observer: BatchObserver;
  readonly #memory: PoolMemory;
  readonly #contention: Contention;
  #waiting: Waiting[] = [];
  #busy = false;
  #pausing = 0;
  #ended: number;

  constructor(key: PoolKey, { driver, clock, observer, outages }: BatcherParts) {
    this.#driver = driver;
    this.#key = key;
    this.#clock = clock;
    this.#now = () => clock.monotonic();
    this.#observer = observer;
    this.#memory = new PoolMemory(outages);
    this.#contention = new Contention(() => clock.random());
    this.#ended = clock.monotonic();
  }

  /** Whether the queue is empty, and its pool no longer remembered. */
  isIdle(now: number): boolean {
    return !this.#busy && this.#pausing === 0 && now - this.#ended > REMEMBERED_FOR;
  }

  submit(request: PoolRequest, options: CommitOptions): Promise<Outcome> {
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
    const enqueue = () => {
      this.#waiting.push({ request, options, resolve, reject });
      if (!this.#busy) void this.#work();
    };
    if (options.pause) {
      this.#pausing++;
      this.#clock.sleep(options.pause, options.signal).then(enqueue, reject).finally(() => this.#pausing--);
    } else enqueue();
    promise.catch(() => {}); // the caller may have stopped waiting
    return unlessAborted(promise, options.signal);
  }

  async #work(): Promise<void> {
    this.#busy = true;
    await Promise.resolve(); // requests that are submitted together share the first commit
    while (this.#waiting.length > 0) {
      const pause = this.#contention.pause(this.#now() - this.#ended);
      if (pause > 0) await this.#clock.sleep(pause);
      await this.#commit();
    }
    this.#busy = false;
  }

  /** Dequeues the requests that fit into a batch of this size. Rejects those whose caller stopped waiting. */
  #take(size: number): Waiting[] {
    const arrived = this.#waiting.splice(0, MAX_BATCH_SIZE - size);
    return arrived.filter(({ options, reject }) => !options.signal.aborted || reject(options.signal.reason));
  }

  /** Commits the queued requests, and those that arrive during conflicts: in one write, or in parts if the store refuses it. */
  async #commit(): Promise<void> {
    const timeoutError = () =>
      new UnavailableError(
        `The store of pool ${formatPoolKey(this.#key)} did not answer within ${BATCH_TIMEOUT / 1000} s`,
      );
    using deadline = startDeadline(this.#clock, BATCH_TIMEOUT, timeoutError);
    const batches = [this.#take(0)];
    let divisions = 0;
    for (let batch = batches.shift(); batch; batch = batches.shift()) {
      if (batch.length === 0) continue;
      try {
        await this.#write(batch, divisions === 0, deadline.signal);
      } catch (error) {
        this.#memory.forget();
        const isDivided = isRefusal(error) && batch.length > 1 && divisions++ < MAX_DIVISIONS;
        if (isDivided) batches.unshift(...divide(batch));
        else for (const { reject } of batch) reject(error);
      }
    }
  }

  async #write(batch: Waiting[], mayGrow: boolean, signal: AbortSignal): Promise<void> {
    const start = this.#now();
    const from = this.#memory.recall(start);
    let isAlone = true;
    const requests = () => {
      if (mayGrow && this.#now() - start < JOIN_TIMEOUT) batch.push(...this.#take(batch.length));
      return batch.map(({ request, options }) => options.signal.aborted ? NOTHING : request);
    };
    const { outcomes, snapshot } = await update(this.#driver, this.#key, requests, {
      signal,
      clock: this.#clock,
      onAttempt: (decision) => reportChanges(batch, decision),
      onConflict: (took) => this.#contention.conflicted(took),
      ...(from && { from, onStale: () => isAlone = false }),
    });
    for (const [i, { resolve }] of batch.entries()) resolve(outcomes[i] as Outcome);
    this.#ended = this.#now();
    this.#contention.succeeded();
    if (isAlone) this.#memory.keep(snapshot, this.#ended);
    else this.#memory.forget(); // the next commit probably comes after another write of that process, too
    this.#observer.onBatch(batch.length, this.#ended - start);
  }
}

/** Whether the content of a batch caused its failure, not a conflict or a store that does not answer. */
function isRefusal(error: unknown): boolean {
  return !(error instanceof UnavailableError || error instanceof ConflictError);
}

/**
 * Reports to each request its own changes, so that each can be undone alone: to a release what it removes and detaches, to an allocation the
 * change that assigns the address. An address that was free for an allocation becomes free again, even if another owner had it before the
 * batch: that owner's release is in the batch too. One that an object keeps becomes what earlier releases of the batch left.
 */
function reportChanges(batch: readonly Waiting[], { changes, outcomes }: Decision): void {
  const detached = new Map<bigint, Allocation | undefined>();
  for (const [i, { request, options }] of batch.entries()) {
    const outcome = outcomes[i];
    if (outcome?.kind === "released") {
      const removed = outcome.allocations.map((before) => ({ address: before.address, before }));
      for (const { address, after } of outcome.detached ?? []) detached.set(address, after);
      options.onAttempt?.([...removed, ...outcome.detached ?? []]);
      continue;
    }
    if (!options.onAttempt || !outcome) continue;
    if (request.kind !== "allocate" || !("allocation" in outcome)) continue;
    const { address } = outcome.allocation;
    const own = changes.find((change) =>
      change.address === address && change.after && sameOwner(change.after, request.owner)
    );
    if (own) {
      const { before: stored, ...fresh } = own;
      const before = outcome.kind === "kept" ? detached.get(address) ?? stored : undefined;
      options.onAttempt([{ ...fresh, ...(before && { before }) }]);
    }
  }
}

/** What a batcher needs. */
interface BatcherParts {
  /** The store. */
  readonly driver: StorageDriver;
  /** Time and randomness. */
  readonly clock: Clock;
  /** Observes batches. */
  readonly observer: BatchObserver;
  /** How often the store did not answer. */
  readonly outages: () => number;
}

/** The queues of a store's pools. */
export class Batcher {
  readonly #parts: BatcherParts;
  readonly #queues = new Map<string, PoolQueue>();

  /** Reads no pool before its first request. */
  constructor(parts: BatcherParts) {
    this.#parts = parts;
  }

  /**
   * Submits a request to a pool, where it is batched with others. If the signal aborts, the promise rejects and the request is no longer
   * decided: what was written stays, and later requests to the pool are decided after it.
   */
  commit<R extends PoolRequest>(key: PoolKey, request: R, options: CommitOptions): Promise<Outcome<R>> {
    const name = formatPoolKey(key);
    const queue = this.#queues.get(name) ?? this.#add(name, key);
    return queue.submit(request, options) as Promise<Outcome<R>>;
  }

  /** Adds the queue of a pool, and removes idle ones. */
  #add(name: string, key: PoolKey): PoolQueue {
    const now = this.#parts.clock.monotonic();
    for (const [other, queue] of this.#queues) if (queue.isIdle(now)) this.#queues.delete(other);
    const queue = new PoolQueue(key, this.#parts);
    this.#queues.set(name, queue);
    return queue;
  }
}
