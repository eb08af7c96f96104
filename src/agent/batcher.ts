/**
 * Many requests, few commits: what arrives for a pool while a commit of it is under way is decided together on the next snapshot and
 * written in one commit. Order of arrival is order of decision.
 *
 * @module
 */
import type { CommitOptions } from "../ipam/ipam.ts";
import type { Decision } from "../pool/decide.ts";
import type { Outcome, PoolRequest } from "../pool/requests.ts";
import { type Change, formatPoolKey, type PoolKey, sameOwner } from "../pool/types.ts";
import { type PoolSnapshot, type StorageDriver, UnavailableError } from "../storage/driver.ts";
import type { Clock } from "../storage/retry.ts";
import { update } from "../storage/update.ts";
import { startDeadline } from "../world/deadline.ts";

/** Requests of one commit, at most. A request changes a few entries, an entry takes up to three operations of the server's 10,000. */
const MOST_TOGETHER = 500;
/** Milliseconds a batch may take in all. */
const BATCH_TIMEOUT = 30_000;

/** Told what batches came to. */
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
  #waiting: Waiting[] = [];
  #busy = false;
  #last: PoolSnapshot | undefined;

  constructor(driver: StorageDriver, key: PoolKey, clock: Clock & { now(): number }, observer: BatchObserver) {
    this.#driver = driver;
    this.#key = key;
    this.#clock = clock;
    this.#now = () => clock.now();
    this.#observer = observer;
  }

  submit(request: PoolRequest, options: CommitOptions): Promise<Outcome> {
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
    this.#waiting.push({ request, options, resolve, reject });
    if (!this.#busy) void this.#work();
    return promise;
  }

  async #work(): Promise<void> {
    this.#busy = true;
    while (this.#waiting.length > 0) await this.#commit(this.#waiting.splice(0, MOST_TOGETHER));
    this.#busy = false;
  }

  async #commit(arrived: readonly Waiting[]): Promise<void> {
    const batch = arrived.filter(({ options, reject }) => !options.signal.aborted || reject(options.signal.reason));
    if (batch.length === 0) return;
    const start = this.#now();
    const late = new UnavailableError(
      `Pool ${formatPoolKey(this.#key)} did not answer within ${BATCH_TIMEOUT / 1000} s`,
    );
    using limit = startDeadline(this.#clock, BATCH_TIMEOUT, late);
    const from = this.#last;
    try {
      const { outcomes, snapshot } = await update(this.#driver, this.#key, batch.map(({ request }) => request), {
        signal: limit.signal,
        clock: this.#clock,
        pause: Math.max(...batch.map(({ options }) => options.pause ?? 0)),
        onAttempt: (decision) => tell(batch, decision),
        ...(from && { from }),
      });
      this.#last = snapshot;
      for (const [i, { resolve }] of batch.entries()) resolve(outcomes[i] as Outcome);
      this.#observer.onBatch(batch.length, this.#now() - start);
    } catch (error) {
      this.#last = undefined;
      for (const { reject } of batch) reject(error);
    }
  }
}

/** Each claim is told the changes that make it its owner's, so that each can be undone for itself. */
function tell(batch: readonly Waiting[], { changes }: Decision): void {
  for (const { request, options } of batch) {
    if (request.kind !== "claim" || !options.onAttempt) continue;
    const own: Change[] = changes.filter(({ after }) => after && sameOwner(after, request.owner));
    if (own.length > 0) options.onAttempt(own);
  }
}

/** The queues of a store's pools. */
export class Batcher {
  readonly #driver: StorageDriver;
  readonly #clock: Clock & { now(): number };
  readonly #observer: BatchObserver;
  readonly #queues = new Map<string, PoolQueue>();

  /** Reads a pool when it is first asked for. */
  constructor(driver: StorageDriver, clock: Clock & { now(): number }, observer: BatchObserver) {
    this.#driver = driver;
    this.#clock = clock;
    this.#observer = observer;
  }

  /** Puts a request to a pool, with others. A caller whose signal aborts while it waits is let go; what was written for it stands. */
  commit<R extends PoolRequest>(key: PoolKey, request: R, options: CommitOptions): Promise<Outcome<R>> {
    const name = formatPoolKey(key);
    const queue = this.#queues.get(name) ?? new PoolQueue(this.#driver, key, this.#clock, this.#observer);
    this.#queues.set(name, queue);
    return queue.submit(request, options) as Promise<Outcome<R>>;
  }
}
