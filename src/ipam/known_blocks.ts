/**
 * The blocks of each domain, as a process remembers them for some seconds.
 *
 * They are a hint: a block without room refuses an address, and one that is new records the grid before it is trusted (`blocks.ts`).
 *
 * @module
 */
import { formatCidr } from "../address/cidr.ts";
import { unlessAborted } from "../async/abort.ts";
import type { BlockFacts } from "../pool/grid.ts";
import type { PoolKey } from "../pool/types.ts";
import { RefusedError, type StorageDriver } from "../storage/driver.ts";
import type { Clock } from "../storage/retry.ts";

/** Max age of a remembered list in milliseconds: that long a block may count as full although an address of it was released. */
const BLOCKS_FOR = 10_000;

/** The blocks of one domain by their CIDR. */
export type BlocksByCidr = ReadonlyMap<string, BlockFacts>;

/** One list. */
interface Listed {
  /** How many were requested before. */
  readonly number: number;
  /** When it was requested, in monotonic milliseconds. */
  readonly at: number;
  /** Its answer. */
  readonly answer: Promise<BlocksByCidr>;
  /** The same once it arrived. */
  known?: Map<string, BlockFacts>;
}

/**
 * The blocks of a store.
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
 * assert.equal((await store.blocks.list(store.driver, "", AbortSignal.timeout(10_000))).size, 0);
 * ```
 */
export class KnownBlocks {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #lists = new Map<string, Listed>();
  #count = 0;

  /** Knows none. */
  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** How many lists were requested so far. */
  get count(): number {
    return this.#count;
  }

  /**
   * The blocks of a domain, as listed at most 10 seconds ago. Concurrent callers share a list.
   *
   * @param since the {@linkcode KnownBlocks.count} before which a list was requested too early: the store answers from no cache then
   * @throws {RefusedError} the driver knows no blocks
   * @throws the store's error
   */
  async list(
    driver: Pick<StorageDriver, "name" | "listBlocks">,
    network: string,
    signal: AbortSignal,
    since?: number,
  ): Promise<BlocksByCidr> {
    const shared = this.#lists.get(network);
    const isYoung = shared && this.#clock.monotonic() - shared.at <= BLOCKS_FOR;
    const isFresh = since !== undefined;
    const usable = shared && (isFresh ? shared.number >= since : isYoung) ? shared : undefined;
    if (!usable) return await unlessAborted(this.#start(driver, network, isFresh, signal).answer, signal);
    return await unlessAborted(usable.answer, signal).catch((error) => {
      if (signal.aborted) throw error;
      return this.#start(driver, network, isFresh, signal).answer; // the list ended with the call that requested it
    });
  }

  /** A block exists: this process created it, and the range still records its grid. */
  note({ network, cidr }: PoolKey): void {
    const known = this.#lists.get(network)?.known;
    const name = formatCidr(cidr);
    if (known && !known.has(name)) known.set(name, { cidr });
  }

  #start(
    driver: Pick<StorageDriver, "name" | "listBlocks">,
    network: string,
    fresh: boolean,
    signal: AbortSignal,
  ): Listed {
    const listed: Listed = {
      number: this.#count++,
      at: this.#clock.monotonic(),
      answer: listBlocks(driver, network, fresh, signal).then((known) => listed.known = known),
    };
    listed.answer.catch(() => this.#lists.get(network) === listed && this.#lists.delete(network));
    this.#lists.set(network, listed);
    return listed;
  }
}

async function listBlocks(
  driver: Pick<StorageDriver, "name" | "listBlocks">,
  network: string,
  fresh: boolean,
  signal: AbortSignal,
): Promise<Map<string, BlockFacts>> {
  if (!driver.listBlocks) {
    throw new RefusedError(
      `Cannot use block_size: the driver ${JSON.stringify(driver.name)} does not list blocks (listBlocks); ` +
        "remove the setting, or use another datastore",
    );
  }
  const all = await driver.listBlocks(network, fresh, signal);
  return new Map(all.map((one) => [formatCidr(one.cidr), one]));
}
