/**
 * Lets the pools of networks with persistent addresses refuse keepers while a controller of the original runs: it would free the address of a
 * stopped virtual machine. A pool that refused before the controller of the original was deleted accepts keepers again.
 *
 * @module
 */
import { attemptAll } from "../async/concurrency.ts";
import type { Ipam } from "../ipam/ipam.ts";
import { originalOf, type PersistentNetwork, type Refusal, refusalsIn, refusalsToWrite } from "../pool/original.ts";
import type { PoolFacts } from "../pool/orphans.ts";
import type { PodFacts } from "../pool/pod_facts.ts";
import { formatPoolKey } from "../pool/types.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import { Worker } from "./worker.ts";

/** Without delay: until a pool refuses, an address may be kept that the original frees. */
const WORK = { name: "refuse keepers beside the original", delay: 0, retry: { first: 200, max: 30_000 } };

/** What a guard works with. */
interface GuardContext {
  /** The machine. */
  readonly world: World;
  /** Receives log lines. */
  readonly log: Logger;
  /** The store. */
  readonly ipam: Ipam;
}

/** The pods of the cluster. */
interface PodList {
  /** All of them. */
  values(): readonly PodFacts[];
}

/** Watches over the pools during one term of a leader. */
export class OriginalGuard {
  readonly #ipam: Ipam;
  readonly #pods: PodList;
  readonly #persistent: () => readonly PersistentNetwork[];
  readonly #worker: Worker;
  /** The pools that refuse keepers, as listed or written last. */
  #present: readonly Refusal[] = [];

  /**
   * Does nothing until {@linkcode run}.
   *
   * @param persistent the networks whose addresses may outlive pods
   */
  constructor({ world, log, ipam }: GuardContext, pods: PodList, persistent: () => readonly PersistentNetwork[]) {
    this.#ipam = ipam;
    this.#pods = pods;
    this.#persistent = persistent;
    this.#worker = new Worker(world, log, WORK, (signal) => this.#guard(signal));
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#worker.run(signal);
  }

  /** Requests a comparison: networks, or the pods of the original, have changed. */
  trigger(): void {
    this.#worker.trigger();
  }

  /** Receives a list of all pools: another leader may have marked some, and marks are lost with their objects. */
  listed(pools: readonly PoolFacts[]): void {
    this.#present = refusalsIn(pools);
    this.trigger();
  }

  async #guard(signal: AbortSignal): Promise<void> {
    const written = refusalsToWrite(this.#persistent(), originalOf(this.#pods.values()), this.#present);
    await writeRefusals(this.#ipam, written, signal, ({ key, by }) => {
      const others = this.#present.filter((one) => formatPoolKey(one.key) !== formatPoolKey(key));
      this.#present = [...others, ...(by === undefined ? [] : [{ key, by }])];
    });
  }
}

/**
 * Writes refusals, each to its pool.
 *
 * @param onWritten called after each
 * @throws the first failure, once all others are written
 */
export async function writeRefusals(
  { driver, onSnapshot, log }: Pick<Ipam, "driver" | "onSnapshot" | "log">,
  refusals: readonly Refusal[],
  signal: AbortSignal,
  onWritten: (refusal: Refusal) => void = () => {},
): Promise<void> {
  if (!driver.refuseKeepers) return;
  const write = async (refusal: Refusal) => {
    const { key, by } = refusal;
    await onSnapshot(key, async (pool, deadline) => {
      if (pool.refusesKeepers === by) return;
      await driver.refuseKeepers?.(pool, by, deadline);
      const fields = { pool: formatPoolKey(key), ...(by !== undefined && { original: by }) };
      if (by === undefined) log.info("Pool keeps addresses for objects again", fields);
      else log.warn("Pool keeps no further address for objects", fields);
    }, signal);
    onWritten(refusal);
  };
  await attemptAll(refusals.map((refusal) => () => write(refusal)), signal);
}
