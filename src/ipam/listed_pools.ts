/**
 * The pools of a store, as a process remembers them for a moment.
 *
 * @module
 */
import { unlessAborted } from "../async/abort.ts";
import type { PoolSnapshot, StorageDriver } from "../storage/driver.ts";
import type { Clock } from "../storage/retry.ts";

/**
 * Max age of a remembered list in milliseconds. It only selects from which slice to borrow, so its age costs a commit that finds the slice
 * full; a list of 5,000 pools is some 20 MB.
 */
export const LISTED_FOR = 10_000;

/** One list of all pools. */
interface Listed {
  readonly at: number;
  readonly answer: Promise<readonly PoolSnapshot[]>;
}

/**
 * Remembers the last list. Concurrent callers share one.
 *
 * @example
 * ```ts
 * import { denoWorld, loadConfig, openStore } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * const conf = { name: "lab", ipam: { type: "whereabouts", datastore: "embedded", database: ":memory:", range: "10.0.0.0/16" } };
 * const { config } = await loadConfig(denoWorld(), { conf });
 * await using store = await openStore(config, { world: denoWorld() });
 *
 * assert.deepEqual(await store.listed.list(store.driver, AbortSignal.timeout(10_000)), { pools: [], fresh: true });
 * ```
 */
export class ListedPools {
  readonly #clock: Pick<Clock, "monotonic">;
  #last: Listed | undefined;

  /** Remembers none. */
  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /**
   * The pools, and whether they were listed for this call.
   *
   * @param fresh whether a remembered list is too old. Default false
   * @throws the store's error
   */
  async list(
    driver: Pick<StorageDriver, "list">,
    signal: AbortSignal,
    fresh = false,
  ): Promise<{ readonly pools: readonly PoolSnapshot[]; readonly fresh: boolean }> {
    const known = this.#last;
    if (!fresh && known && this.#clock.monotonic() - known.at <= LISTED_FOR) {
      const pools = await unlessAborted(known.answer, signal).catch((error) => {
        if (signal.aborted) throw error; // otherwise the list ended with the call that requested it
      });
      if (pools) return { pools, fresh: false };
    }
    const listed = { at: this.#clock.monotonic(), answer: driver.list(signal) };
    this.#last = listed;
    return { pools: await listed.answer, fresh: true };
  }
}
