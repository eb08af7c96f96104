/**
 * The reserved addresses of each network, as a process remembers them for a moment.
 *
 * They are a hint: an ADD skips free addresses that were reserved a moment ago, and a reservation that it does not know of refuses the address,
 * as the creation of the reservation always does. So a burst of ADDs in a range whose low addresses another pool holds lists once, not once
 * each.
 *
 * @module
 */
import type { Family, Ip } from "../address/ip.ts";
import { unlessAborted } from "../async/abort.ts";
import type { Reservations } from "../storage/driver.ts";
import type { Clock } from "../storage/retry.ts";

/**
 * Max age of remembered addresses in milliseconds: an address that its owner releases is skipped that long at most while others are free.
 * A node starts its pods in bursts of a second or more.
 */
export const RESERVED_FOR = 1_000;

/** No addresses. */
export const NO_ADDRESSES: ReadonlySet<bigint> = new Set();

/** One list of a network's reserved addresses. */
interface Listed {
  /** How many were requested before. */
  readonly number: number;
  /** When it was requested, in monotonic milliseconds. */
  readonly at: number;
  /** Its answer. */
  readonly answer: Promise<ReadonlyMap<Family, Set<bigint>>>;
  /** The same once it arrived. */
  addresses?: ReadonlyMap<Family, Set<bigint>>;
}

/**
 * The reserved addresses of a store.
 *
 * @example
 * ```ts
 * import { denoWorld, loadConfig, openStore } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * const conf = { name: "lab", ipam: { type: "whereabouts", datastore: "embedded", database: ":memory:", range: "10.0.0.0/24" } };
 * const { config } = await loadConfig(denoWorld(), { conf });
 * await using store = await openStore(config, { world: denoWorld() });
 *
 * assert.equal(store.reserved.recall("", 4).size, 0); // no ADD has met a reservation of another pool yet
 * ```
 */
export class ReservedAddresses {
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

  /** The addresses of a network's last list, if it is young enough. */
  recall(network: string, family: Family): ReadonlySet<bigint> {
    const known = this.#lists.get(network);
    return known && this.#isYoung(known) ? known.addresses?.get(family) ?? NO_ADDRESSES : NO_ADDRESSES;
  }

  /**
   * Lists the reserved addresses of a network. Concurrent callers share a list.
   *
   * @param since the {@linkcode ReservedAddresses.count} before which a list was requested too early
   * @throws the store's error
   */
  async list(
    reservations: Reservations,
    network: string,
    family: Family,
    since: number,
    signal: AbortSignal,
  ): Promise<ReadonlySet<bigint>> {
    const addressesOf = async ({ answer }: Listed) => (await unlessAborted(answer, signal)).get(family) ?? NO_ADDRESSES;
    const shared = this.#lists.get(network);
    if (!shared || shared.number < since) return await addressesOf(this.#start(reservations, network, signal));
    return await addressesOf(shared).catch((error) => {
      if (signal.aborted) throw error;
      return addressesOf(this.#start(reservations, network, signal)); // the list ended with the call that requested it
    });
  }

  /** The address of a network is reserved no more. */
  forget(network: string, { family, value }: Ip): void {
    this.#lists.get(network)?.addresses?.get(family)?.delete(value);
  }

  #start(reservations: Reservations, network: string, signal: AbortSignal): Listed {
    for (const [other, listed] of this.#lists) if (!this.#isYoung(listed)) this.#lists.delete(other);
    const listed: Listed = {
      number: this.#count++,
      at: this.#clock.monotonic(),
      answer: listAddresses(reservations, network, signal).then((addresses) => listed.addresses = addresses),
    };
    this.#lists.set(network, listed);
    return listed;
  }

  #isYoung({ at }: Listed): boolean {
    return this.#clock.monotonic() - at <= RESERVED_FOR;
  }
}

async function listAddresses(
  reservations: Reservations,
  network: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<Family, Set<bigint>>> {
  const ips = await reservations.listAddresses?.(network, signal) ??
    (await reservations.list(network, signal)).map(({ ip }) => ip);
  const families = Map.groupBy(ips, ({ family }) => family);
  return new Map([...families].map(([family, all]) => [family, new Set(all.map(({ value }) => value))]));
}
