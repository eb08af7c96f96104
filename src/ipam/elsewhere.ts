/**
 * The addresses of a range that others use outside its pool, as one ADD learns of them.
 *
 * First it avoids what its process remembers; after a refusal it lists the addresses of all reservations. Neither shows whose they are: some
 * may be the owner's own, of a call that ended between its two writes. So only if no other address is free, it lists the reservations with
 * their owners.
 *
 * @module
 */
import { type Cidr, contains } from "../address/cidr.ts";
import { ownsReservation } from "../pool/types.ts";
import type { Reservation, Reservations } from "../storage/driver.ts";
import type { Ipam } from "./ipam.ts";
import { NO_ADDRESSES } from "./reserved.ts";

/** What one ADD knows of one range. */
export class Elsewhere {
  readonly #ipam: Pick<Ipam, "reserved">;
  readonly #range: Cidr;
  readonly #network: string;
  readonly #refused = new Set<bigint>();
  readonly #used = new Set<bigint>();
  #reserved = NO_ADDRESSES;
  #avoided = NO_ADDRESSES;
  #lists: number;
  #isExact = false;

  /** Remembers nothing if the call makes no reservations. */
  constructor(ipam: Pick<Ipam, "reserved">, network: string, range: Cidr, makesReservations: boolean) {
    this.#ipam = ipam;
    this.#network = network;
    this.#range = range;
    if (makesReservations) this.#avoided = ipam.reserved.recall(network, range.family);
    this.#lists = ipam.reserved.count;
  }

  /** For the next request to the pool. */
  get addresses(): { readonly inUseElsewhere: ReadonlySet<bigint>; readonly avoided: ReadonlySet<bigint> } {
    this.#lists = this.#ipam.reserved.count;
    const inUseElsewhere = this.#used.size > 0 ? this.#used.union(this.#reserved) : this.#reserved;
    return { inUseElsewhere, avoided: this.#avoided };
  }

  /** Another sandbox of this node uses the address. */
  use(value: bigint): void {
    this.#used.add(value);
  }

  /**
   * Another owner has the reservation of an address: reads which others are reserved. A refused address without a reservation was released
   * since, and is free.
   *
   * @param own the reservation that was refused
   */
  async refuse(reservations: Reservations, own: Reservation, signal: AbortSignal): Promise<void> {
    this.#refused.add(own.ip.value);
    if (this.#isExact) this.#reserved = await this.#ofOthers(reservations, own, signal);
    else {
      const { family } = own.ip;
      this.#avoided = await this.#ipam.reserved.list(reservations, this.#network, family, this.#lists, signal);
      this.#reserved = this.#refused.intersection(this.#avoided);
    }
  }

  /** No address is free. @returns whether one may be if the call avoids only those that others have reserved */
  exhaust(): boolean {
    if (this.#avoided.size === 0) return false;
    this.#avoided = NO_ADDRESSES;
    return this.#isExact = true;
  }

  async #ofOthers(reservations: Reservations, own: Reservation, signal: AbortSignal): Promise<ReadonlySet<bigint>> {
    const all = await reservations.list(own.network, signal);
    const foreign = all.filter((one) =>
      contains(this.#range, one.ip) && (this.#refused.has(one.ip.value) || !ownsReservation(own, one))
    );
    return new Set(foreign.map(({ ip }) => ip.value));
  }
}
