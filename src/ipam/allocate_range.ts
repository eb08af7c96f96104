/**
 * ADD in one range: an entry in its pool, or in one of its blocks or slices, then the cluster-wide reservation.
 *
 * @module
 */
import { type Cidr, contains, formatCidr } from "../address/cidr.ts";
import { formatIp, type Ip } from "../address/ip.ts";
import type { IpRange } from "../address/range.ts";
import type { IpamConfig, StaticAddress } from "../config/types.ts";
import { isBlockOf } from "../pool/grid.ts";
import { requestedOf } from "../pool/requested.ts";
import { type AllocateRequest, allocateRequest, type KnownSandbox } from "../pool/requests.ts";
import {
  addressOf,
  type Allocation,
  type Entry,
  formatPoolKey,
  type Owner,
  type PodSandbox,
  type PoolKey,
} from "../pool/types.ts";
import { RefusedError, type Reservation, UnavailableError } from "../storage/driver.ts";
import { type AllocatingBlock, tryBlocks, verifyGrid } from "./blocks.ts";
import type { ElasticSlices } from "./elastic_slices.ts";
import { Elsewhere } from "./elsewhere.ts";
import { allocateError, NoSliceError, PoolExhaustedError } from "./errors.ts";
import { type Ipam, poolOf } from "./ipam.ts";
import { type AllocatingPool, movedPool } from "./moved.ts";
import type { RecordedEntry } from "./recorded.ts";
import { reserve } from "./reserve.ts";
import { rollBack, type Written } from "./rollback.ts";

/** Max attempts to find an address that is not reserved for another owner. Each attempt skips every reservation known by then. */
const MAX_ATTEMPTS = 20;

/** Max sandboxes to examine: an entry names two, and one of them may change meanwhile. */
const MAX_EXAMINED = 4;

/** One allocated address. */
export interface Assigned extends StaticAddress {
  /** The entry to record on the node. */
  readonly entry: RecordedEntry;
  /** Whether this call allocated it; otherwise the owner had it before. */
  readonly fresh: boolean;
}

/** Options of {@linkcode allocate}. */
export interface AllocateOptions {
  /** Called before each request that may write: a call that fails before left nothing in the store. */
  readonly onWrite?: () => void;
  /** Called with the entries that a failed call could not release: they may still be stored. */
  readonly onUnreleased?: (entries: readonly RecordedEntry[]) => void;
  /** The address to allocate from the range that contains it if it is free, and the owner has none. Absent: the lowest free one. */
  readonly preferred?: Ip;
  /**
   * Whether the address that is kept for the owner may be taken over from another sandbox: that ended, or its virtual machine moves to the
   * owner. Throws if it may not. Absent: it may not.
   */
  readonly examine?: (user: PodSandbox) => Promise<KnownSandbox["state"]>;
  /** The pools that may have an entry of the attachment, which an earlier call recorded. Default: none. */
  readonly recorded?: readonly PoolKey[];
  /** Called before the first write to a block: a later call, or a release, finds its entries there only if it is recorded. */
  readonly onBlock?: (key: PoolKey) => Promise<void>;
  /** The node, which begins with a block of its own if the network has `block_order` `spread`. Default: the owner's. */
  readonly node?: string;
  /** Finds the slices to allocate from, if slices are elastic: the ranges are then whole. Absent: each range has its pool. */
  readonly slices?: ElasticSlices;
  /** Whether another sandbox on this node uses the address of an entry, although the store has it as free or the owner's: it is skipped. */
  readonly isUsed?: (entry: RecordedEntry) => Promise<boolean>;
}

/** Rolls back all that the call has written. @returns whether the store confirmed it */
export async function undo({ ipam, written, options }: CallWork): Promise<boolean> {
  const unreleased = await rollBack(ipam, written.splice(0));
  if (unreleased.length > 0) options.onUnreleased?.(unreleased);
  return unreleased.length === 0;
}

/** What a call works with. */
export interface CallWork {
  /** The store. */
  readonly ipam: Ipam;
  /** The network. */
  readonly config: IpamConfig;
  /** The owner of the addresses. */
  readonly owner: Owner;
  /** What the call has written so far. */
  readonly written: Written[];
  /** The deadline. */
  readonly signal: AbortSignal;
  /** The caller's options. */
  readonly options: AllocateOptions;
}

/** The same for one of its ranges. */
interface RangeWork extends CallWork {
  readonly range: IpRange;
  /** A block or slice of the range, or the pool to which the entries of its own one have moved. Absent: its own one. */
  readonly pool?: AllocatingPool | AllocatingBlock;
  /** The addresses of earlier ranges. */
  readonly assigned: readonly Assigned[];
}

/** Allocates an address of a range. @throws as `allocate` */
export function allocateRange(work: RangeWork): Promise<Assigned> {
  const { range, options: { slices } } = work;
  if (slices) return allocateInSlices(work, slices);
  return range.blocks ? allocateInBlocks(work) : allocateInPool(work);
}

/** Allocates from the first slice that has a free address. A slice that turns out to be full is left as it was. */
async function allocateInSlices(work: RangeWork, slices: ElasticSlices): Promise<Assigned> {
  return await slices.allocate(work.range, work.owner, async (pool) => {
    const written: Written[] = [];
    try {
      return await allocateInPool({ ...work, written, pool });
    } catch (error) {
      if (!(error instanceof PoolExhaustedError || error instanceof NoSliceError)) throw error;
      if (await undo({ ...work, written })) throw error;
      throw new UnavailableError(`Cannot undo an attempt in pool ${formatPoolKey(pool.key)}; retry`, { cause: error });
    } finally {
      work.written.push(...written);
    }
  });
}

/** Allocates from the first block that has a free address. A block without one leads to the next, never a failure of the store. */
async function allocateInBlocks(work: RangeWork): Promise<Assigned> {
  const { ipam, config, owner, range, options: { preferred, recorded = [], node, onBlock }, signal } = work;
  const search = {
    ...{ ipam, config, range, signal },
    node: node ?? owner.node ?? "",
    requested: requestedIn(work),
    preferred: preferred && contains(range.cidr, preferred) ? preferred.value : undefined,
    recorded: recorded.filter(({ network, cidr }) => network === config.networkName && isBlockOf(range, cidr)),
  };
  return await tryBlocks(search, async (block) => {
    const written: Written[] = [];
    try {
      await onBlock?.(block.key);
      const assigned = await allocateInPool({ ...work, written, pool: block });
      const isIn = formatPoolKey(assigned.entry.key) === formatPoolKey(block.key);
      if (block.isNew || !isIn) await verifyGrid(ipam, config, range, signal);
      if (block.isNew) ipam.blocks.note(block.key);
      return assigned;
    } catch (error) {
      if (!(error instanceof PoolExhaustedError)) throw error;
      // the last attempt may have an entry whose address is reserved for another owner
      if (!await undo({ ...work, written })) throw error;
      return undefined;
    } finally {
      work.written.push(...written);
    }
  });
}

function requestedIn({ config: { ranges, requested }, range }: RangeWork): bigint | undefined {
  return requestedOf(ranges, requested)[ranges.indexOf(range)];
}

async function allocateInPool(work: RangeWork): Promise<Assigned> {
  const { ipam, config, owner, range } = work;
  let reservations = config.overlapping ? ipam.driver.reservations : undefined;
  const pool: AllocatingPool = work.pool ?? { key: poolOf(config, range), range };
  const written: Written = { key: pool.key, changes: [], reserved: new Map() };
  work.written.push(written);
  const elsewhere = new Elsewhere(ipam, config.networkName, range.cidr, reservations !== undefined);
  let isRetry = pool.isRetry ?? false;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const withoutReservation = !reservations && ipam.driver.reservations !== undefined;
    const entryWritten = await writeEntry(work, written, { ...elsewhere.addresses, isRetry, withoutReservation });
    if (entryWritten === "must reserve") {
      reservations = ipam.driver.reservations;
      continue;
    }
    if (entryWritten === "exhausted") {
      if (elsewhere.exhaust()) continue;
      throw allocateError(pool.key, pool.range, { kind: entryWritten });
    }
    if ("to" in entryWritten) return allocateInPool({ ...work, pool: movedPool(pool, entryWritten.to, isRetry) });
    isRetry = true;
    const { allocation, former, fresh } = entryWritten;
    const entry: Entry = { key: written.key, allocation };
    const ip = addressOf(entry);
    if (await work.options.isUsed?.(entry)) {
      elsewhere.use(ip.value);
      continue;
    }
    if (!reservations) return assignedOf(work, entry, fresh, { reserved: false });
    written.reserved.set(ip.value, undefined);
    const wanted: Reservation = { ...owner, network: config.networkName, ip };
    work.options.onWrite?.();
    const result = await reserve(ipam, reservations, wanted, former, work.signal, fresh).catch((error) => {
      // nothing was created; without permission to create one, a delete would fail too
      if (error instanceof RefusedError) written.reserved.delete(ip.value);
      throw error;
    });
    if (result.kind !== "foreign") {
      const { token } = result.reservation;
      written.reserved.set(ip.value, token);
      return assignedOf(work, entry, fresh, { reserved: true, ...(token !== undefined && { token }) });
    }
    written.reserved.delete(ip.value);
    ipam.log.info("Skipped an address that is reserved for another owner", {
      ip: formatIp(ip),
      pod: owner.podRef,
      owner: result.holder.podRef,
    });
    await elsewhere.refuse(reservations, wanted, work.signal);
  }
  throw new PoolExhaustedError(
    `Cannot find an address of ${formatCidr(range.cidr)} that is not in use elsewhere after ${MAX_ATTEMPTS} attempts`,
  );
}

/** An entry of the owner. `former`: the container id of the entry before this call took it over. */
interface WrittenEntry {
  readonly allocation: Allocation;
  readonly former?: string;
  readonly fresh: boolean;
}

/** Writes an entry for the owner. `must reserve`: the pool must, and the request is without reservation. `exhausted`: no address is free. */
async function writeEntry(
  work: RangeWork,
  { key, changes }: Written,
  attempt: Pick<AllocateRequest, "inUseElsewhere" | "avoided" | "isRetry" | "withoutReservation">,
): Promise<WrittenEntry | { readonly to: Cidr } | "must reserve" | "exhausted"> {
  const { ipam, config, owner, range, signal } = work;
  const ofOtherRanges = new Set(
    work.assigned.filter(({ ip }) => contains(range.cidr, ip)).map(({ ip }) => ip.value),
  );
  const requested = requestedIn(work);
  const fresh = new Set(changes.filter(({ before, after }) => after && !before).map(({ address }) => address));
  const { preferred, examine } = work.options;
  const block = work.pool && "block" in work.pool ? work.pool : undefined;
  const request = allocateRequest(owner, work.pool?.range ?? range, {
    ...attempt,
    ...(block && { block: true, ...(block.onlyKeep && { onlyKeep: true }) }),
    ofOtherRanges,
    fresh,
    ...(requested !== undefined && { requested }),
    ...(preferred && contains(range.cidr, preferred) && { preferred: preferred.value }),
  });
  using _lock = await ipam.lockPool(key, signal);
  const sandboxes: KnownSandbox[] = [];
  const submit = () =>
    ipam.commit(key, { ...request, sandboxes }, {
      signal,
      pause: config.sleepForRace * 1000,
      onAttempt: (attempted) => {
        changes.push(...attempted);
        work.options.onWrite?.();
      },
    });
  let outcome = await submit();
  while (outcome.kind === "attached" && examine && sandboxes.length < MAX_EXAMINED) {
    sandboxes.push({ ...outcome.by, state: await examine(outcome.by) });
    outcome = await submit();
  }
  if (outcome.kind === "must reserve" || outcome.kind === "exhausted") return outcome.kind;
  if (outcome.kind === "moved") return outcome;
  if (outcome.kind !== "kept" && outcome.kind !== "allocated") {
    throw allocateError(key, work.pool?.range ?? range, outcome);
  }
  const { allocation } = outcome;
  const before = changes.findLast(({ address }) => address === allocation.address)?.before;
  return { allocation, fresh: outcome.kind === "allocated", ...(before && { former: before.containerId }) };
}

function assignedOf(
  { config, range, pool }: RangeWork,
  entry: Entry,
  fresh: boolean,
  reservation: Pick<RecordedEntry, "reserved" | "token">,
): Assigned {
  const ip = addressOf(entry);
  const gateway = range.gateway ?? (config.gateway?.family === ip.family ? config.gateway : undefined);
  const { prefix } = range.cidr;
  const block = pool && "block" in pool && { block: true as const };
  return { ip, prefix, entry: { ...entry, ...block, ...reservation }, fresh, ...(gateway && { gateway }) };
}
