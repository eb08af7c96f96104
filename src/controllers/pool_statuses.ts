/**
 * Writes the status of pools.
 *
 * Each write changes the version of an object that plugins commit to, so a commit that meets it conflicts and is decided again. A status is
 * therefore written when a threshold is crossed, and else rarely.
 *
 * @module
 */
import { differenceOf, statusOf } from "../pool/pool_status.ts";
import { formatPoolKey } from "../pool/types.ts";
import { RefusedError } from "../storage/driver.ts";
import { messageOf } from "../values/errors.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import type { PoolStatusObjects } from "./cluster.ts";
import type { PoolUse } from "./pool_use.ts";

/**
 * Min. milliseconds between two writes that cross no threshold: the default interval of sweeps, whose counts they write. While two agents
 * commit to a pool without pause, a write adds half a conflict (0.53 and 0.25, with 49 and 293 writes beside 222 commits, of which 58 conflict
 * without any write: `deno task bench --statuses --calls 200`). At this interval those are at most six more in an hour.
 */
const INTERVAL = 5 * 60_000;

/** What it works with. */
interface StatusContext {
  /** The machine. */
  readonly world: Pick<World, "now" | "monotonic">;
  /** Receives log lines. */
  readonly log: Logger;
  /** The objects. */
  readonly objects: PoolStatusObjects;
}

/** Writes statuses during one term of a leader. */
export class PoolStatuses {
  readonly #context: StatusContext;
  readonly #begun: number;
  /** When each pool's status was written, by pool. */
  readonly #written = new Map<string, number>();
  #isRefused = false;

  /** Begins a term. */
  constructor(context: StatusContext) {
    this.#context = context;
    this.#begun = context.world.monotonic();
  }

  /**
   * Writes every status that is due. After a refusal, writes none until the term ends: the CRD or a role is of an older release.
   *
   * @returns the errors of pools whose status could not be written; the next call retries them
   * @throws the signal's reason once it aborts
   */
  async write(uses: readonly PoolUse[], signal: AbortSignal): Promise<unknown[]> {
    const { world, log, objects } = this.#context;
    const failures: unknown[] = [];
    for (const use of uses) {
      if (this.#isRefused) break;
      const pool = formatPoolKey(use.key);
      const status = statusOf(use, use.status, world.now());
      const difference = differenceOf(status, use.status);
      const isRecent = world.monotonic() - (this.#written.get(pool) ?? this.#begun) < INTERVAL;
      if (!difference || (difference === "counts" && isRecent)) continue;
      try {
        await objects.save(use.key, status, signal);
        this.#written.set(pool, world.monotonic());
        log.debug("Wrote status of IPPool", { pool, used: status.used, free: status.free });
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof RefusedError) this.#refused(error);
        else {
          log.warn("Could not write status of IPPool", { pool, error: messageOf(error) });
          failures.push(error);
        }
      }
    }
    return failures;
  }

  #refused(error: RefusedError): void {
    this.#isRefused = true;
    this.#context.log.warn("Writes no status of IPPools in this term", {
      error: messageOf(error),
    });
  }
}
