/**
 * Allocates from elastic node slices: from the slices of the node, then from one that it takes, then from slices of other nodes.
 *
 * A node takes a free slice as `pool/slice_plan.ts` says: it writes the list by compare-and-swap, with a later epoch, and then opens its pool.
 * A borrowed address is an entry in the pool of the lender, so the commit of that pool keeps it apart. Its pool is recorded in the node's
 * journal before the commit, since no configuration names it. Every pool that is written is one that the list, read before, assigns.
 *
 * @module
 */
import { formatCidr } from "../address/cidr.ts";
import type { IpRange } from "../address/range.ts";
import type { IpamConfig } from "../config/types.ts";
import { epochOf, isClosed } from "../pool/fence.ts";
import { requestedOf } from "../pool/requested.ts";
import type { Slice } from "../pool/slice_assignment.ts";
import { type Owner, ownsEntry, type PoolKey } from "../pool/types.ts";
import { ConflictError, RefusedError, type SliceList, type SliceStore } from "../storage/driver.ts";
import { retry } from "../storage/retry.ts";
import { messageOf } from "../values/errors.ts";
import { NoSliceError, PoolExhaustedError } from "./errors.ts";
import type { Ipam } from "./ipam.ts";
import type { AllocatingPool } from "./moved.ts";
import { narrowed, refusal, slicePoolName, sliceStore } from "./node_slice.ts";
import { freeSlice, lenders, ownedFirst, ownSlices, recordedSlices, sliceName } from "./slice_choice.ts";

/** Max slices that one ADD takes: a second one only if the first was withdrawn or filled meanwhile. */
const MAX_TAKEN = 3;

/** The node that allocates. */
export interface SliceUser {
  /** Its name. */
  readonly node: string;
  /** The pools in which its journal records entries of the attachment, or that it may have some. */
  readonly recorded: readonly PoolKey[];
  /** Records a pool in the journal. Absent: the node keeps no journal, and borrows no addresses. */
  readonly record?: (pool: PoolKey) => Promise<void>;
}

/** Allocates in one pool. Throws {@linkcode PoolExhaustedError} or {@linkcode NoSliceError} if it has no address, with nothing left behind. */
export type TryPool<T> = (pool: AllocatingPool) => Promise<T>;

/** The work on one range. */
interface Search<T> {
  readonly name: string;
  readonly range: IpRange;
  readonly tryPool: TryPool<T>;
  readonly failures: Map<string, Error>;
}

/** The slices of a call. */
export class ElasticSlices {
  readonly #ipam: Ipam;
  readonly #config: IpamConfig;
  readonly #user: SliceUser;
  readonly #signal: AbortSignal;
  readonly #store: SliceStore;

  /**
   * Reads nothing yet.
   *
   * @throws {ConfigError} the store keeps no slices
   */
  constructor(ipam: Ipam, config: IpamConfig, user: SliceUser, signal: AbortSignal) {
    this.#ipam = ipam;
    this.#config = config;
    this.#user = user;
    this.#signal = signal;
    this.#store = sliceStore(ipam, config);
  }

  /**
   * Allocates an address of a range.
   *
   * @throws {PoolExhaustedError} no slice has a free address
   * @throws {NoSliceError} the same, and the node has no slice in use
   */
  async allocate<T>(range: IpRange, owner: Owner, tryPool: TryPool<T>): Promise<T> {
    const { ranges, requested } = this.#config;
    const index = ranges.indexOf(range);
    const search = { name: slicePoolName(this.#config, range, index), range, tryPool, failures: new Map() };
    let list = await this.#read(search);
    let why = "";
    const wanted = requestedOf(ranges, requested)[index];
    for (let taken = 0; why === ""; taken++) {
      for (const slice of await this.#slices(list, search, owner, wanted)) {
        const found = await this.#try(search, slice, list);
        if (found) return found.value;
      }
      const next = wanted !== undefined
        ? "a requested address is not taken from other slices"
        : taken < MAX_TAKEN
        ? await this.#take(search)
        : "it took several, which are withdrawn or full by now";
      if (typeof next === "string") why = next;
      else list = next;
    }
    const lent = wanted === undefined ? await this.#borrow(search, list) : "";
    if (typeof lent === "object") return lent.value;
    throw this.#exhausted(search, list, [
      `takes no further one: ${why}`,
      ...lent === "" ? [] : [`borrows none: ${lent}`],
    ]);
  }

  async #read({ name, range }: Search<unknown>): Promise<SliceList> {
    const list = await this.#store.find(name, this.#signal);
    const refused = refusal(name, list, range);
    if (refused !== undefined) throw new NoSliceError(refused);
    if (list) return list;
    throw new NoSliceError(
      `NodeSlicePool ${name} of ${formatCidr(range.cidr)} does not exist; the controller creates it`,
    );
  }

  /** The slices of the node that were not tried yet. Those in which the owner may have an address come first. */
  async #slices(
    { slices }: SliceList,
    { range, failures }: Search<unknown>,
    owner: Owner,
    requested: bigint | undefined,
  ): Promise<Slice[]> {
    const { node, recorded } = this.#user;
    const untried = (one: Slice) => !failures.has(sliceName(one));
    const own = ownSlices(slices, node, range.cidr, requested).filter(untried);
    if (failures.size > 0) return own;
    const all = new Map([...own, ...recordedSlices(slices, range.cidr, recorded)].map((one) => [sliceName(one), one]));
    if (all.size < 2) return [...all.values()];
    const owned = new Set<string>();
    await Promise.all([...all].map(async ([name, slice]) => {
      const { allocations } = await this.#ipam.driver.read(this.#keyOf(slice), this.#signal);
      if (allocations.values().some((one) => ownsEntry(owner, one))) owned.add(name);
    }));
    return ownedFirst([...all.values()], (one) => owned.has(sliceName(one)));
  }

  /** Allocates in a slice that the list assigns; undefined if it has no address. A closed pool of the node is opened if the list is later. */
  async #try<T>(search: Search<T>, slice: Slice, list: SliceList): Promise<{ readonly value: T } | undefined> {
    const { node, cidr } = slice;
    const { range, tryPool, failures } = search;
    const pool = { key: this.#keyOf(slice), range: narrowed(range, node, cidr) };
    for (let opened = false;; opened = true) {
      try {
        return { value: await tryPool(pool) };
      } catch (error) {
        if (!(error instanceof PoolExhaustedError || error instanceof NoSliceError)) throw error;
        failures.set(sliceName(slice), error);
        const isOwn = error instanceof NoSliceError && node === this.#user.node;
        if (opened || !isOwn || !await this.#open(pool.key, list.epoch)) return undefined;
      }
    }
  }

  /** Opens a pool that was closed before the list assigned its slice: the last step of taking it, which a crash may have left out. */
  async #open(key: PoolKey, epoch: number): Promise<boolean> {
    const pool = await this.#ipam.driver.read(key, this.#signal);
    if (!isClosed(pool.fence)) return true;
    if (pool.fence.closed >= epoch) return false;
    try {
      await this.#store.open(pool, epoch, this.#signal);
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error; // it was opened or closed meanwhile
    }
    return true;
  }

  /** Takes a free slice, unless the node got another one meanwhile. Returns the list that assigns it, or why it takes none. */
  async #take(search: Search<unknown>): Promise<SliceList | string> {
    const { name, range, failures } = search;
    const { node } = this.#user;
    return await retry(
      async (signal) => {
        const list = await this.#read(search);
        const own = ownSlices(list.slices, node, range.cidr);
        if (own.some((one) => !failures.has(sliceName(one)))) return list;
        if (list.elastic !== true) return list.elastic ?? "the controller has not made the slices elastic yet";
        const free = freeSlice(list.slices, range);
        if (!free) return "none is free";
        const slice = { ...free, node };
        const { fence } = await this.#ipam.driver.read(this.#keyOf(slice), signal);
        try {
          await this.#store.take(list, slice, Math.max(list.epoch, epochOf(fence)) + 1, signal);
        } catch (error) {
          if (!(error instanceof RefusedError)) throw error;
          return `${messageOf(error)}; nodes need the role of elastic-rbac.yaml`;
        }
        this.#ipam.onSlice?.("taken");
        this.#ipam.log.info("Took a node slice", { nodeslicepool: name, slice: formatCidr(free.cidr), node });
        return await this.#read(search);
      },
      this.#ipam.clock,
      this.#signal,
    );
  }

  /** Allocates in a slice of another node. Returns why not if that fails. */
  async #borrow<T>(search: Search<T>, list: SliceList): Promise<{ readonly value: T } | string> {
    const { name, range } = search;
    const { node, record } = this.#user;
    const area = { network: this.#config.networkName, range };
    if (list.elastic !== true) return "the slices are not elastic";
    if (!record) return "the node keeps no journal (WHEREABOUTS_JOURNAL is off), in which it would record the pool";
    for (const again of [false, true]) {
      const { pools, fresh } = await this.#ipam.listed.list(this.#ipam.driver, this.#signal, again);
      const current = await this.#read(search); // after the pools, and before the commit
      for (const slice of lenders(current.slices, node, area, pools)) {
        await record(this.#keyOf(slice));
        const found = await this.#try(search, slice, current);
        if (!found) continue;
        this.#ipam.onSlice?.("borrowed");
        const fields = { nodeslicepool: name, slice: formatCidr(slice.cidr), lender: slice.node, node };
        this.#ipam.log.info("Borrowed an address from the slice of another node", fields);
        return found;
      }
      if (fresh) break;
    }
    return "no slice of another node has a free address";
  }

  #keyOf({ node, cidr }: Slice): PoolKey {
    return { network: this.#config.networkName, node, cidr };
  }

  #exhausted({ name, range, failures }: Search<unknown>, list: SliceList, reasons: readonly string[]): Error {
    const { node } = this.#user;
    const own = ownSlices(list.slices, node, range.cidr).map(({ cidr }) => formatCidr(cidr));
    const what = own.length === 0
      ? `node ${JSON.stringify(node)} has no slice of NodeSlicePool ${name}`
      : `node ${JSON.stringify(node)} has no free address in its slices of NodeSlicePool ${name} (${own.join(", ")})`;
    const message = `Cannot allocate an address of ${formatCidr(range.cidr)}: ${
      [what, ...reasons].join("; it ")
    }; widen the range, or delete pods`;
    const causes = [...failures.values()];
    const options = { cause: new AggregateError(causes) };
    const isFull = causes.some((one) => one instanceof PoolExhaustedError);
    return isFull ? new PoolExhaustedError(message, options) : new NoSliceError(message, options);
  }
}
