/**
 * DEL: releases all addresses of a sandbox's interface, and detaches the sandbox from those that have a keeper.
 *
 * Order of writes: the pool entry, then the reservation. Removing the entry compares the sandbox, which proves that the address belonged to
 * this sandbox; without that proof no reservation is deleted. A crash between the two leaves a reservation without an entry: a repeated DEL
 * finds it by the node's record, a new ADD of the same interface takes it over, and the sweep deletes it.
 *
 * @module
 */
import { type Cidr, contains, overlap } from "../address/cidr.ts";
import type { Ip } from "../address/ip.ts";
import type { IpamConfig } from "../config/types.ts";
import { type Move, nextRanges, obstacleIn, otherRanges } from "../pool/move.ts";
import { drop, type ReleaseOutcome } from "../pool/requests.ts";
import {
  addressOf,
  type Allocation,
  type Change,
  type Entry,
  formatPoolKey,
  mayBeOf,
  type PoolKey,
} from "../pool/types.ts";
import type { PoolSnapshot } from "../storage/driver.ts";
import { entryFields, type RecordedEntry } from "./recorded.ts";
import { type Ipam, mayRunInParallel, poolOf, poolsOf } from "./ipam.ts";
import { followMoves } from "./moved.ts";
import { detachReservation, releaseLeftover, releaseReservation } from "./release_reservation.ts";

/** The sandbox whose addresses are released. */
export interface Sandbox {
  /** `CNI_CONTAINERID`. */
  readonly containerId: string;
  /** `CNI_IFNAME`. */
  readonly ifName: string;
}

/**
 * Releases the addresses of the sandbox's interface in the configured pools. Finding none is success. Tries every pool, even if others fail.
 *
 * @param recorded the entries in the node's record: saves reads, and finds pools that are no longer configured
 * @param mayHaveMore whether the blocks of a divided range may have entries that are not recorded: then all are searched. Default: they may
 * @returns the released addresses
 * @throws the store's error; an AggregateError if several pools fail
 *
 * @example
 * ```ts
 * import { allocate, denoWorld, formatIp, loadConfig, openStore, release } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * const conf = { name: "lab", ipam: { type: "whereabouts", datastore: "embedded", database: ":memory:", range: "10.0.0.0/24" } };
 * const { config } = await loadConfig(denoWorld(), { conf });
 * await using store = await openStore(config, { world: denoWorld() });
 *
 * const owner = { podRef: "default/web-0", ifName: "net1", containerId: "9f1c" };
 * await allocate(store, config, owner, AbortSignal.timeout(10_000));
 * const released = await release(store, config, owner, AbortSignal.timeout(10_000));
 * assert.deepEqual(released.map(formatIp), ["10.0.0.1"]);
 * assert.deepEqual(await release(store, config, owner, AbortSignal.timeout(10_000)), []);
 * ```
 */
export async function release(
  ipam: Ipam,
  config: IpamConfig,
  sandbox: Sandbox,
  signal: AbortSignal,
  recorded: readonly RecordedEntry[] = [],
  mayHaveMore: () => Promise<boolean> = () => Promise.resolve(true),
): Promise<Ip[]> {
  const released: Entry[] = [];
  const failures: unknown[] = [];
  const start = ipam.clock.monotonic();
  const keys = new Map([...poolsOf(config), ...recorded.map(({ key }) => key)].map((key) => [formatPoolKey(key), key]));
  const one = async ([name, key]: readonly [string, PoolKey]) => {
    try {
      const ofPool = recorded.filter((entry) => formatPoolKey(entry.key) === name);
      released.push(...await releasePool(ipam, config, key, sandbox, signal, ofPool, mayHaveMore));
    } catch (error) {
      failures.push(error);
    }
  };
  if (mayRunInParallel(ipam, [...keys.values()])) await Promise.all([...keys].map(one));
  else for (const key of keys) await one(key);
  const ms = Math.round(ipam.clock.monotonic() - start);
  const { containerId: container, ifName } = sandbox; // callers may pass an object with more members
  if (released.length > 0) ipam.log.info("Released address", { ...entryFields(released), ms });
  else if (failures.length === 0) ipam.log.info("Nothing to release", { if: ifName, container, ms });
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, `Cannot release in ${failures.length} pools`);
  return released.map(addressOf);
}

/** Releases in a pool, and where its entries live otherwise: in the pool to which they have moved, or in blocks. */
async function releasePool(
  ipam: Ipam,
  config: IpamConfig,
  key: PoolKey,
  sandbox: Sandbox,
  signal: AbortSignal,
  recorded: readonly RecordedEntry[],
  mayHaveMore: () => Promise<boolean>,
): Promise<readonly Entry[]> {
  const released: Entry[] = [];
  await followMoves([key], async (pool) => {
    // a pool that is no longer the recorded one may be a block, which records how many entries it has
    const isOther = pool !== key;
    const entries = recorded.filter((entry) => contains(pool.cidr, addressOf(entry)))
      .map((entry) => ({ ...entry, key: pool, ...(isOther && { block: true as const }) }));
    const { allocations, move } = await releaseIn(ipam, config, pool, sandbox, signal, entries);
    released.push(...allocations.map((allocation) => ({ key: pool, allocation })));
    const isFound = move?.kind === "joined" && allocations.length > 0;
    if (isFound || !move || !("size" in move) || entries.length > 0 || !await mayHaveMore()) {
      return isFound ? [] : otherRanges(move, entries.map(addressOf));
    }
    return await poolsWith(ipam, pool, sandbox, signal);
  });
  return released;
}

/**
 * The pools with addresses of a divided or joined pool that have entries of a sandbox: its blocks, itself if it got some meanwhile, or one that
 * shared its blocks. Reads every pool: a release without a record is rare.
 */
async function poolsWith(
  { driver }: Ipam,
  { network, cidr }: PoolKey,
  { containerId, ifName }: Sandbox,
  signal: AbortSignal,
): Promise<Cidr[]> {
  return (await driver.list(signal)).filter(({ key, allocations }) =>
    mayBeOf(key, network) && key.node === undefined && overlap(key.cidr, cidr) &&
    allocations.values().some((one) => one.containerId === containerId && one.ifName === ifName)
  ).map(({ key }) => key.cidr);
}

async function releaseIn(
  ipam: Ipam,
  config: IpamConfig,
  key: PoolKey,
  sandbox: Sandbox,
  signal: AbortSignal,
  recorded: readonly RecordedEntry[],
): Promise<Pick<ReleaseOutcome, "allocations" | "move">> {
  using _lock = await ipam.lockPool(key, signal);
  const name = formatPoolKey(key);
  const range = config.ranges.find((range) => formatPoolKey(poolOf(config, range)) === name);
  const { reuseAfter } = range ?? recorded.find((entry) => entry.reuseAfter !== undefined) ?? {};
  const resting = reuseAfter === undefined ? {} : { reuseAfter };
  const released: Allocation[] = [];
  // an entry with a keeper is changed, not removed: that needs the stored one
  if (recorded.length > 0 && !recorded.some(({ allocation }) => allocation.keeper)) {
    const allocations = new Map(recorded.map(({ allocation }) => [allocation.address, allocation]));
    const entries = recorded.map((one) => ({ ...one, reserved: config.overlapping || one.reserved !== false }));
    // a block records how many entries it has: that needs the stored number
    const isBlock = recorded.some(({ block }) => block);
    const from = isBlock ? undefined : ipam.driver.snapshotFromRecord?.(key, allocations);
    const outcome = await releaseEntries(ipam, key, entries, signal, { ...resting, from });
    released.push(...outcome.allocations);
    if (released.length === recorded.length || obstacleIn(outcome.move)) return { ...outcome, allocations: released };
  }
  // without a record, or if it differs from the store: release every entry of the sandbox
  const removed = new Map<bigint, Allocation>(); // an attempt whose response was lost may have removed them
  const detached = new Map<bigint, Allocation>();
  const onAttempt = (changes: readonly Change[]) => {
    for (const { address, before, after } of changes) {
      if (after) detached.set(address, after);
      else if (before) removed.set(address, before);
    }
  };
  const request = { kind: "release", ...sandbox, ...resting } as const;
  const outcome = await ipam.commit(key, request, { signal, onAttempt });
  const entries = [...removed.values()].map((allocation) => ({ key, allocation }));
  await releaseReservations(ipam, key, entries, signal, outcome);
  for (const allocation of detached.values()) await keepAddress(ipam, key, allocation, sandbox, signal);
  return { ...outcome, allocations: [...released, ...outcome.allocations] };
}

/** Detaches the sandbox that ended from the reservation of a kept address. */
async function keepAddress(
  { driver: { reservations }, log }: Ipam,
  key: PoolKey,
  allocation: Allocation,
  { containerId }: Sandbox,
  signal: AbortSignal,
): Promise<void> {
  const { kind, name } = allocation.keeper ?? {};
  log.info("Kept address", { ...entryFields([{ key, allocation }]), keeper: `${kind}/${name}` });
  if (reservations) await detachReservation({ reservations, key, signal }, allocation, containerId);
}

/**
 * Releases exactly these allocations of a pool, and their reservations. An address that has another owner or sandbox by now stays.
 *
 * @returns the released allocations
 */
export async function releaseAllocations(
  ipam: Ipam,
  key: PoolKey,
  allocations: readonly Allocation[],
  signal: AbortSignal,
): Promise<readonly Allocation[]> {
  using _lock = await ipam.lockPool(key, signal);
  const entries = allocations.map((allocation) => ({ key, allocation }));
  return (await releaseEntries(ipam, key, entries, signal)).allocations;
}

/** Removes entries first, then reservations: a removed entry proves that the reservation belongs to the sandbox. */
async function releaseEntries(
  ipam: Ipam,
  key: PoolKey,
  entries: readonly RecordedEntry[],
  signal: AbortSignal,
  { from, reuseAfter }: { readonly from?: PoolSnapshot | undefined; readonly reuseAfter?: number } = {},
): Promise<ReleaseOutcome> {
  const request = drop(entries.map(({ allocation }) => allocation), reuseAfter);
  const outcome = await ipam.commit(key, request, { signal, ...(from && { from }) });
  await releaseReservations(ipam, key, entries, signal, outcome);
  return outcome;
}

/** An entry without a reservation may have got one since, if the pool must reserve. */
async function releaseReservations(
  ipam: Ipam,
  key: PoolKey,
  entries: readonly RecordedEntry[],
  signal: AbortSignal,
  { allocations: released, mustReserve, move }: ReleaseOutcome,
): Promise<void> {
  const { reservations } = ipam.driver;
  if (!reservations) return;
  const work = { ipam, reservations, key, signal };
  const removed = new Set(released.map(({ address }) => address));
  for (const { allocation, reserved, token } of entries) {
    if (reserved === false && !mustReserve) continue;
    if (removed.has(allocation.address)) await releaseReservation(work, allocation, token);
    else if (livesElsewhere(move, { key, allocation })) continue; // released with the entry there
    else await releaseLeftover(work, allocation);
  }
}

function livesElsewhere(move: Move | undefined, entry: Entry): boolean {
  return nextRanges(move, [addressOf(entry)]).some((cidr) => contains(cidr, addressOf(entry)));
}
