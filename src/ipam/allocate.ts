/**
 * ADD: allocates one address per range, or one in all, or nothing.
 *
 * Order of writes for each range: the pool entry, then the cluster-wide reservation. A crash between the two leaves an entry of a pod that
 * never started; the next ADD of the same pod reuses it, or the runtime's DEL or the sweep releases it.
 *
 * @module
 */
import { type Cidr, contains, formatCidr } from "../address/cidr.ts";
import { formatIp, type Ip } from "../address/ip.ts";
import type { IpRange } from "../address/range.ts";
import type { IpamConfig, StaticAddress } from "../config/types.ts";
import { requestedOf } from "../pool/requested.ts";
import { type AllocateRequest, allocateRequest, type KnownSandbox } from "../pool/requests.ts";
import { addressOf, type Allocation, type Entry, type Owner, type PodSandbox } from "../pool/types.ts";
import { RefusedError, type Reservation } from "../storage/driver.ts";
import { Elsewhere } from "./elsewhere.ts";
import { allocateError, PoolExhaustedError, refuseUnrecorded } from "./errors.ts";
import { allExhausted, rangesToTry, refuseSecond } from "./first_available.ts";
import { entryFields, type RecordedEntry } from "./recorded.ts";
import { type Ipam, mayRunInParallel, poolOf } from "./ipam.ts";
import { reserve } from "./reserve.ts";
import { type AllocatingPool, movedPool } from "./moved.ts";
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
  /** Whether another sandbox on this node uses the address of an entry, although the store has it as free or the owner's: it is skipped. */
  readonly isUsed?: (entry: RecordedEntry) => Promise<boolean>;
}

/**
 * Allocates an address of each range to the owner, or one of the first range that has one (`config.rangesAllocation`). A repeated call for
 * the same pod and interface returns the same addresses.
 *
 * @returns one address per range, in order; with `first_available` one address in all
 * @throws {PoolExhaustedError} a range has no free address; with `first_available` no range has one
 * @throws {AddressUnavailableError} a requested address is in use, or the range never allocates it
 * @throws {SupersededError} a newer sandbox of the interface took the address over
 * @throws {RefusedError} the driver lacks `recordsReuse`, which the settings of a range require
 * @throws {UnavailableError | ConflictError | RefusedError} the store failed; the call was rolled back as far as the store answers
 *
 * @example
 * ```ts
 * import { allocate, denoWorld, formatIp, loadConfig, openStore } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * const conf = { name: "lab", ipam: { type: "whereabouts", datastore: "embedded", database: ":memory:", range: "10.0.0.0/24" } };
 * const { config } = await loadConfig(denoWorld(), { conf });
 * await using store = await openStore(config, { world: denoWorld() });
 *
 * const owner = { podRef: "default/web-0", ifName: "net1", containerId: "9f1c" };
 * const assigned = await allocate(store, config, owner, AbortSignal.timeout(10_000));
 * assert.deepEqual(assigned.map(({ ip, prefix }) => `${formatIp(ip)}/${prefix}`), ["10.0.0.1/24"]);
 * ```
 */
export async function allocate(
  ipam: Ipam,
  config: IpamConfig,
  owner: Owner,
  signal: AbortSignal,
  options: AllocateOptions = {},
): Promise<Assigned[]> {
  const written: Written[] = [];
  let writes = 0;
  const onWrite = () => {
    writes++;
    options.onWrite?.();
  };
  const work = { ipam, config, owner, written, signal, options: { ...options, onWrite } };
  const start = ipam.clock.monotonic();
  refuseUnrecorded(ipam.driver, config);
  try {
    const assigned = config.rangesAllocation === "first_available"
      ? [await allocateFirstAvailable(work)]
      : mayRunInParallel(ipam, config.ranges)
      ? await allocateInParallel(work)
      : await allocateInOrder(work);
    logAllocated(ipam, assigned, { writes, ms: Math.round(ipam.clock.monotonic() - start) });
    return assigned;
  } catch (error) {
    await undo(work);
    throw error;
  }
}

/** Rolls back all that the call has written. @returns whether the store confirmed it */
async function undo({ ipam, written, options }: CallWork): Promise<boolean> {
  const unreleased = await rollBack(ipam, written.splice(0));
  if (unreleased.length > 0) options.onUnreleased?.(unreleased);
  return unreleased.length === 0;
}

/** Logs one line per ADD: the history of an address starts with it. */
function logAllocated(
  { driver, log }: Ipam,
  assigned: readonly Assigned[],
  { writes, ms }: { readonly writes: number; readonly ms: number },
): void {
  if (assigned.length === 0) return;
  const fields = entryFields(assigned.map(({ entry }) => entry));
  log.info("Allocated address", { ...fields, ms });
  const allocation = assigned.map(({ fresh }) => fresh ? "new" : "kept").join();
  log.debug("Allocation details", { ip: fields.ip, allocation, store: driver.name, writes });
}

async function allocateInOrder(work: CallWork): Promise<Assigned[]> {
  const assigned: Assigned[] = [];
  for (const range of work.config.ranges) assigned.push(await allocateRange({ ...work, range, assigned }));
  return assigned;
}

/** Waits for all ranges even if one fails: the rollback must know every write. */
async function allocateInParallel(work: CallWork): Promise<Assigned[]> {
  const ranges = work.config.ranges.map((range) => allocateRange({ ...work, range, assigned: [] }));
  await Promise.allSettled(ranges);
  return await Promise.all(ranges);
}

/** Allocates from the first range that has a free address. Only a full range leads to the next one, never a failure of the store. */
async function allocateFirstAvailable(work: CallWork): Promise<Assigned> {
  const { ipam, config, owner, signal } = work;
  const ranges = await rangesToTry(ipam, config, owner, signal);
  const errors: PoolExhaustedError[] = [];
  for (const range of ranges) {
    try {
      const assigned = await allocateRange({ ...work, range, assigned: [] });
      if (assigned.fresh) await refuseSecond(ipam, config, owner, assigned.entry, signal);
      return assigned;
    } catch (error) {
      if (!(error instanceof PoolExhaustedError)) throw error;
      errors.push(error);
    }
    // the last attempt may have an entry whose address is reserved for another owner
    if (!await undo(work)) throw errors.at(-1);
  }
  throw allExhausted(ranges, errors);
}

/** What a call works with. */
interface CallWork {
  readonly ipam: Ipam;
  readonly config: IpamConfig;
  readonly owner: Owner;
  readonly written: Written[];
  readonly signal: AbortSignal;
  readonly options: AllocateOptions;
}

/** The same for one of its ranges. */
interface RangeWork extends CallWork {
  readonly range: IpRange;
  /** The pool to which the entries of the range's own one have moved. Absent: they have not. */
  readonly moved?: AllocatingPool;
  /** The addresses of earlier ranges. */
  readonly assigned: readonly Assigned[];
}

async function allocateRange(work: RangeWork): Promise<Assigned> {
  const { ipam, config, owner, range } = work;
  let reservations = config.overlapping ? ipam.driver.reservations : undefined;
  const pool = work.moved ?? { key: poolOf(config, range), range };
  const written: Written = { key: pool.key, changes: [], reserved: new Map() };
  work.written.push(written);
  const elsewhere = new Elsewhere(ipam, config.networkName, range.cidr, reservations !== undefined);
  let isRetry = work.moved?.isRetry ?? false;
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
    if ("to" in entryWritten) return allocateRange({ ...work, moved: movedPool(pool, entryWritten.to, isRetry) });
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
  const requested = requestedOf(config.ranges, config.requested)[config.ranges.indexOf(range)];
  const fresh = new Set(changes.filter(({ before, after }) => after && !before).map(({ address }) => address));
  const { preferred, examine } = work.options;
  const request = allocateRequest(owner, work.moved?.range ?? range, {
    ...attempt,
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
  if (outcome.kind !== "kept" && outcome.kind !== "allocated") throw allocateError(key, range, outcome);
  const { allocation } = outcome;
  const before = changes.findLast(({ address }) => address === allocation.address)?.before;
  return { allocation, fresh: outcome.kind === "allocated", ...(before && { former: before.containerId }) };
}

function assignedOf(
  { config, range }: RangeWork,
  entry: Entry,
  fresh: boolean,
  reservation: Pick<RecordedEntry, "reserved" | "token">,
): Assigned {
  const ip = addressOf(entry);
  const gateway = range.gateway ?? (config.gateway?.family === ip.family ? config.gateway : undefined);
  const { prefix } = range.cidr;
  return { ip, prefix, entry: { ...entry, ...reservation }, fresh, ...(gateway && { gateway }) };
}
