/**
 * Many requests, few commits: what arrives for a pool while a commit of it is under way is decided together on the next snapshot and
 * written in one commit. Order of arrival is order of decision.
 *
 * No request holds or fails the others of its batch: one whose network wants a pause comes after it, and a batch that the store refuses is
 * written in parts, releases first, until the refusal is of those that earned it.
 *
 * @module
 */
import type { CommitOptions } from "../ipam/ipam.ts";
import type { Decision } from "../pool/decide.ts";
import type { Outcome, PoolRequest } from "../pool/requests.ts";
import { formatPoolKey, type PoolKey, sameOwner } from "../pool/types.ts";
import { ConflictError, type StorageDriver, UnavailableError } from "../storage/driver.ts";
import type { Clock } from "../storage/retry.ts";
import { update } from "../storage/update.ts";
import { startDeadline } from "../async/deadline.ts";
import { unlessAborted } from "../async/abort.ts";
import { divide } from "./divide.ts";
import { PoolMemory, REMEMBERED_FOR } from "./memory.ts";
import type { Traffic } from "./traffic.ts";

/** Requests of one commit, at most. A request changes a few entries, an entry takes up to three operations of the server's 10,000. */
const MOST_TOGETHER = 1_000;
/** Milliseconds a batch may take in all, and those in which others may join it. */
const BATCH_TIMEOUT = 30_000;
const JOIN_TIMEOUT = 10_000;
/**
 * How long a commit waits for calls on their way, at most: so many times as long as the last commit of the pool took, in these bounds
 * (milliseconds). A commit costs the store the more the larger the pool is, so the wait grows with what it saves.
 */
const GATHER = { times: 4, least: 5, most: 200 };

/**
 * How often one batch is divided after refusals, at most. To find one request among {@linkcode MOST_TOGETHER} takes ten; where each would be
 * refused, some thirty commits are tried before the rest is refused together.
 */
const MOST_DIVISIONS = 16;

/** What is decided for a caller that is gone. */
const NOTHING: PoolRequest = { kind: "revert", changes: [] };

/** Ends a wait that is not needed any more. */
const ENOUGH = new Error("Waited enough");

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
  readonly #traffic: Traffic;
  readonly #memory: PoolMemory;
  #waiting: Waiting[] = [];
  #busy = false;
  #pausing = 0;
  #took = 0;
  #ended: number;

  constructor(key: PoolKey, { driver, clock, observer, traffic, outages }: BatcherParts) {
    this.#driver = driver;
    this.#key = key;
    this.#clock = clock;
    this.#now = () => clock.monotonic();
    this.#observer = observer;
    this.#traffic = traffic;
    this.#memory = new PoolMemory(outages);
    this.#ended = clock.monotonic();
  }

  /** Whether nothing is under way, and nothing remembered any more. */
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
    promise.catch(() => {}); // its caller may be gone
    return unlessAborted(promise, options.signal);
  }

  async #work(): Promise<void> {
    this.#busy = true;
    while (this.#waiting.length > 0) {
      await this.#gather();
      await this.#commit();
    }
    this.#busy = false;
  }

  /**
   * Waits for calls that are on their way. While there are calls beside those that wait here, a pool is written half of the time at most:
   * who comes meanwhile shares the next commit.
   */
  async #gather(): Promise<void> {
    await Promise.resolve(); // what the submitting call does in the same breath comes first
    const start = this.#now();
    const longest = Math.min(Math.max(this.#took * GATHER.times, GATHER.least), GATHER.most);
    for (let left = longest; left > 0 && this.#isComing(); left = start + longest - this.#now()) {
      await this.#pause(Math.min(left, GATHER.least), this.#traffic.settled);
    }
    const rest = Math.min(this.#ended + this.#took - this.#now(), GATHER.most);
    if (rest > 0 && this.#traffic.active > this.#waiting.length) await this.#pause(rest);
  }

  #isComing(): boolean {
    return this.#traffic.coming > 0 && this.#waiting.length < MOST_TOGETHER;
  }

  async #pause(milliseconds: number, orUntil?: Promise<void>): Promise<void> {
    const done = new AbortController();
    const late = this.#clock.sleep(milliseconds, done.signal).catch(() => {});
    await (orUntil ? Promise.race([orUntil, late]) : late);
    done.abort(ENOUGH);
  }

  /** Takes who waits, as far as they fit beside so many. Callers that gave up are let go. */
  #take(beside: number): Waiting[] {
    const arrived = this.#waiting.splice(0, MOST_TOGETHER - beside);
    return arrived.filter(({ options, reject }) => !options.signal.aborted || reject(options.signal.reason));
  }

  /** Commits those who wait, and those who come while others are faster: together, or where the store refuses that, in parts. */
  async #commit(): Promise<void> {
    const late = () =>
      new UnavailableError(`Pool ${formatPoolKey(this.#key)} did not answer within ${BATCH_TIMEOUT / 1000} s`);
    using limit = startDeadline(this.#clock, BATCH_TIMEOUT, late);
    const batches = [this.#take(0)];
    let divisions = 0;
    for (let batch = batches.shift(); batch; batch = batches.shift()) {
      if (batch.length === 0) continue;
      try {
        await this.#write(batch, divisions === 0, limit.signal);
      } catch (error) {
        this.#memory.forget();
        const isDivided = isRefusal(error) && batch.length > 1 && divisions++ < MOST_DIVISIONS;
        if (isDivided) batches.unshift(...divide(batch));
        else for (const { reject } of batch) reject(error);
      }
    }
  }

  async #write(batch: Waiting[], mayGrow: boolean, signal: AbortSignal): Promise<void> {
    const start = this.#now();
    const from = this.#memory.recall(start);
    const requests = () => {
      if (mayGrow && this.#now() - start < JOIN_TIMEOUT) batch.push(...this.#take(batch.length));
      return batch.map(({ request, options }) => options.signal.aborted ? NOTHING : request);
    };
    const { outcomes, snapshot } = await update(this.#driver, this.#key, requests, {
      signal,
      clock: this.#clock,
      onAttempt: (decision) => tell(batch, decision),
      ...(from && { from, onStale: () => this.#memory.refused(start) }),
    });
    for (const [i, { resolve }] of batch.entries()) resolve(outcomes[i] as Outcome);
    this.#ended = this.#now();
    this.#memory.keep(snapshot, this.#ended);
    this.#took = this.#ended - start;
    this.#observer.onBatch(batch.length, this.#took);
  }
}

/** Whether a batch failed for what is in it: not for a store that does not answer, nor for others who are faster. */
function isRefusal(error: unknown): boolean {
  return !(error instanceof UnavailableError || error instanceof ConflictError);
}

/**
 * Each request is told its own changes: a release what it removes, a claim the change that makes an address its owner's, so that each can be
 * undone for itself. An address that was free for a claim becomes free again, whoever had it before the batch: that one's release is in the
 * batch too.
 */
function tell(batch: readonly Waiting[], { changes, outcomes }: Decision): void {
  for (const [i, { request, options }] of batch.entries()) {
    const outcome = outcomes[i];
    if (!options.onAttempt || !outcome) continue;
    if (outcome.kind === "released") {
      options.onAttempt(outcome.allocations.map((before) => ({ address: before.address, before })));
      continue;
    }
    if (request.kind !== "allocate" || !("allocation" in outcome)) continue;
    const { address } = outcome.allocation;
    const own = changes.find((change) =>
      change.address === address && change.after && sameOwner(change.after, request.owner)
    );
    if (own) {
      options.onAttempt([outcome.kind === "allocated" ? { address, ...(own.after && { after: own.after }) } : own]);
    }
  }
}

/** What a batcher works with. */
export interface BatcherParts {
  /** The store. */
  readonly driver: StorageDriver;
  /** Time and chance. */
  readonly clock: Clock;
  /** Told what batches came to. */
  readonly observer: BatchObserver;
  /** Which calls of this store there are. */
  readonly traffic: Traffic;
  /** How often the store did not answer. */
  readonly outages: () => number;
}

/** The queues of a store's pools. */
export class Batcher {
  readonly #parts: BatcherParts;
  readonly #queues = new Map<string, PoolQueue>();

  /** Reads a pool when it is first asked for. */
  constructor(parts: BatcherParts) {
    this.#parts = parts;
  }

  /**
   * Puts a request to a pool, with others. A caller whose signal aborts is let go, and nothing more is decided for it: what was written stands,
   * and whatever is put to the pool then comes after it.
   */
  commit<R extends PoolRequest>(key: PoolKey, request: R, options: CommitOptions): Promise<Outcome<R>> {
    const name = formatPoolKey(key);
    const queue = this.#queues.get(name) ?? this.#add(name, key);
    return queue.submit(request, options) as Promise<Outcome<R>>;
  }

  /** A queue for a pool; those that nobody used for long make room. */
  #add(name: string, key: PoolKey): PoolQueue {
    const now = this.#parts.clock.monotonic();
    for (const [other, queue] of this.#queues) if (queue.isIdle(now)) this.#queues.delete(other);
    const queue = new PoolQueue(key, this.#parts);
    this.#queues.set(name, queue);
    return queue;
  }
}
