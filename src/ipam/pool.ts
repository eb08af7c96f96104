/**
 * One pool, with addresses as text: the short way for callers that have no CNI network configuration.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import { type IpRange, lowestFree } from "../address/range.ts";
import type { IpamConfig } from "../config/types.ts";
import { namesPod } from "../pool/pod_owner.ts";
import type { Owner, PoolKey } from "../pool/types.ts";
import { allocate } from "./allocate.ts";
import { type OpenIpam, poolOf } from "./ipam.ts";
import { release } from "./release.ts";

/** Milliseconds for one call. */
const TIMEOUT = 10_000;

/** The default of {@linkcode CallOptions.interface}. No network-status has this name, so it never contradicts the owner. */
const INTERFACE = "pool";

/** Options of one call. */
export interface CallOptions {
  /** The deadline. Default: 10 seconds from now. */
  readonly signal?: AbortSignal;
  /** Distinguishes several addresses of one owner. Default `pool`. */
  readonly interface?: string;
}

/** An allocated address. All members are text, so it can be printed as JSON. */
export interface PoolEntry {
  /** The address: `10.0.0.1`. */
  readonly address: string;
  /** Its owner; `namespace/name` of the pod if the plugin allocated it. */
  readonly owner: string;
  /** The owner's interface. */
  readonly interface: string;
}

/**
 * A pool of one range. Open one with `openPool`.
 *
 * @example
 * ```ts
 * import { openPool, PoolExhaustedError } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * await using pool = await openPool(":memory:", "fd00::/126");
 * assert.deepEqual((await pool.free()).toArray(), ["fd00::1", "fd00::2"]);
 * await pool.allocate("printer");
 * await pool.allocate("printer", { interface: "second" });
 * await assert.rejects(pool.allocate("camera"), PoolExhaustedError);
 * ```
 */
export class Pool implements AsyncDisposable {
  readonly #ipam: OpenIpam;
  readonly #config: IpamConfig;
  readonly #range: IpRange;

  /** Uses the store, which is disposed with the pool, and the only range of the configuration. */
  constructor(ipam: OpenIpam, config: IpamConfig, range: IpRange) {
    this.#ipam = ipam;
    this.#config = config;
    this.#range = range;
  }

  /**
   * Allocates the lowest free address to the owner. A repeated call returns the same address.
   *
   * @param owner in a cluster `namespace/name` of a pod; a controller frees the address when the pod no longer exists. On other stores any name
   * @throws {PoolExhaustedError} no address is free
   * @throws {RangeError} the owner is not of that form
   */
  async allocate(owner: string, options: CallOptions = {}): Promise<string> {
    const [assigned] = await allocate(this.#ipam, this.#config, this.#ownerOf(owner, options), signalOf(options));
    if (!assigned) throw new Error(`No address was allocated to ${JSON.stringify(owner)}`);
    return formatIp(assigned.ip);
  }

  /**
   * Releases what {@linkcode Pool.allocate} allocated to the owner. Addresses that the plugin allocated are released by its DEL.
   *
   * @returns the released address; undefined if the owner had none
   */
  async release(owner: string, options: CallOptions = {}): Promise<string | undefined> {
    const [released] = await release(this.#ipam, this.#config, this.#ownerOf(owner, options), signalOf(options));
    return released && formatIp(released);
  }

  /** All allocated addresses, in ascending order. */
  async list(options: Pick<CallOptions, "signal"> = {}): Promise<PoolEntry[]> {
    const { allocations } = await this.#ipam.driver.read(this.#key, signalOf(options));
    const { family } = this.#range.cidr;
    return [...allocations.values()].toSorted((a, b) => a.address < b.address ? -1 : 1).map((
      { address, podRef, ifName },
    ) => ({ address: formatIp({ family, value: address }), owner: podRef, interface: ifName }));
  }

  /**
   * The addresses that were free when this was called, in the order in which they are allocated. Each is computed when it is taken, so the first
   * ones of an IPv6 range are available immediately.
   */
  async free(options: Pick<CallOptions, "signal"> = {}): Promise<IteratorObject<string, undefined>> {
    const { driver } = this.#ipam;
    const signal = signalOf(options);
    const { network } = this.#key;
    const [{ allocations }, reservations = []] = await Promise.all([
      driver.read(this.#key, signal),
      this.#config.overlapping ? driver.reservations?.list(network, signal) : undefined,
    ]);
    const { family } = this.#range.cidr;
    const reserved = new Set(reservations.filter(({ ip }) => ip.family === family).map(({ ip }) => ip.value));
    return freeAddresses(this.#range, (value) => allocations.has(value) || reserved.has(value));
  }

  /** Closes the store. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ipam[Symbol.asyncDispose]();
  }

  /** An owner without a sandbox: its name also identifies what a release frees. */
  #ownerOf(owner: string, { interface: ifName = INTERFACE }: CallOptions): Owner {
    const inCluster = this.#ipam.driver.namespace !== undefined; // its schema refuses owners without a slash
    if (owner === "" || (inCluster && !namesPod({ podRef: owner }))) {
      const expected = inCluster ? "NAMESPACE/NAME of a pod, since the store is a cluster" : "a name";
      throw new RangeError(`Invalid owner ${JSON.stringify(owner)}: expected ${expected}`);
    }
    if (ifName === "") throw new RangeError('Invalid interface "": expected a name');
    return { podRef: owner, containerId: owner, ifName };
  }

  get #key(): PoolKey {
    return poolOf(this.#config, this.#range);
  }
}

function signalOf({ signal = AbortSignal.timeout(TIMEOUT) }: CallOptions): AbortSignal {
  return signal;
}

function* freeAddresses(range: IpRange, inUse: (value: bigint) => boolean): Generator<string, undefined> {
  for (
    let value = lowestFree(range, inUse);
    value !== undefined;
    value = lowestFree(range, inUse, value + 1n)
  ) yield formatIp({ family: range.cidr.family, value });
}
