/**
 * ADD: one address for each range, all of them or none.
 *
 * Order of writes for each range: the pool entry, then the cluster-wide reservation. A crash between the two leaves an entry whose
 * pod never started; the next ADD of the same pod goes on with it, the runtime's DEL or the sweep takes it back.
 *
 * @module
 */
import { contains, formatCidr } from "../address/cidr.ts";
import { formatIp, type Ip } from "../address/ip.ts";
import type { IpRange } from "../address/range.ts";
import type { IpamConfig, StaticAddress } from "../config/types.ts";
import { requestedOf } from "../pool/requested.ts";
import { allocateRequest } from "../pool/requests.ts";
import { type Allocation, type Owner, sameInterface } from "../pool/types.ts";
import { RefusedError, type Reservation, type Reservations } from "../storage/driver.ts";
import { allocateError, PoolExhaustedError } from "./errors.ts";
import type { Held } from "./held.ts";
import { entryFields } from "./log_fields.ts";
import { type Ipam, mayGoTogether, poolOf } from "./ipam.ts";
import { reserve } from "./reserve.ts";
import { giveBack, type Taken } from "./rollback.ts";

/** Rounds in all in which an address turns out to be reserved elsewhere. Each round skips every reservation known by then. */
const FOREIGN_ROUNDS = 20;

/** One address given to the owner. */
export interface Assigned extends StaticAddress {
  /** What the node should remember of it. */
  readonly held: Held;
  /** Whether this call allocated it; else the owner had it already. */
  readonly fresh: boolean;
}

/** What else a caller of {@linkcode allocate} may want. */
export interface AllocateOptions {
  /** Called before each request that may write: a call that fails without it left nothing in the store. */
  readonly onWrite?: () => void;
  /** Told what a call that fails could not give back: it may still be stored. */
  readonly onLeft?: (held: readonly Held[]) => void;
  /** Whether something else on this node uses an address that the store calls free or the owner's own: it is then passed over. */
  readonly isUsed?: (held: Held) => Promise<boolean>;
}

/**
 * Gives the owner an address of each range. Asked again for the same pod and interface, the answer is the same.
 *
 * @returns one address a range, in order
 * @throws {PoolExhaustedError} a range has no address left
 * @throws {AddressTakenError} a requested address is somebody else's, or nobody's to have
 * @throws {SupersededError} a newer sandbox of the interface took the address over meanwhile
 * @throws {UnavailableError | ConflictError | RefusedError} the store failed; what this call took was given back as far as it answers
 */
export async function allocate(
  ipam: Ipam,
  config: IpamConfig,
  owner: Owner,
  signal: AbortSignal,
  options: AllocateOptions = {},
): Promise<Assigned[]> {
  const taken: Taken[] = [];
  let writes = 0;
  const onWrite = () => {
    writes++;
    options.onWrite?.();
  };
  const work = { ipam, config, owner, taken, signal, options: { ...options, onWrite } };
  const start = ipam.clock.monotonic();
  try {
    const assigned = mayGoTogether(ipam, config.ranges) ? await allocateAtOnce(work) : await allocateInOrder(work);
    logAllocated(ipam, assigned, { writes, ms: Math.round(ipam.clock.monotonic() - start) });
    return assigned;
  } catch (error) {
    const left = await giveBack(ipam, taken);
    if (left.length > 0) options.onLeft?.(left);
    throw error;
  }
}

/** One line an ADD: whoever reports a duplicate address is asked for it. */
function logAllocated(
  { driver, log }: Ipam,
  assigned: readonly Assigned[],
  { writes, ms }: { readonly writes: number; readonly ms: number },
): void {
  if (assigned.length === 0) return;
  const fields = entryFields(assigned.map(({ held }) => held));
  log.info("Allocated address", { ...fields, ms });
  const allocation = assigned.map(({ fresh }) => fresh ? "new" : "kept").join();
  log.debug("Allocation details", { ip: fields.ip, allocation, store: driver.name, writes });
}

async function allocateInOrder(work: Omit<RangeWork, "range" | "assigned">): Promise<Assigned[]> {
  const assigned: Assigned[] = [];
  for (const range of work.config.ranges) assigned.push(await allocateRange({ ...work, range, assigned }));
  return assigned;
}

/** Whatever fails, nothing is under way any more when this ends: what was taken is then known. */
async function allocateAtOnce(work: Omit<RangeWork, "range" | "assigned">): Promise<Assigned[]> {
  const ranges = work.config.ranges.map((range) => allocateRange({ ...work, range, assigned: [] }));
  await Promise.allSettled(ranges);
  return await Promise.all(ranges);
}

interface RangeWork {
  readonly ipam: Ipam;
  readonly config: IpamConfig;
  readonly owner: Owner;
  readonly range: IpRange;
  readonly taken: Taken[];
  readonly assigned: readonly Assigned[];
  readonly signal: AbortSignal;
  readonly options: AllocateOptions;
}

async function allocateRange(work: RangeWork): Promise<Assigned> {
  const { ipam, config, owner, range } = work;
  const overlaps = config.overlapping ? ipam.driver.overlaps : undefined;
  const taken: Taken = { key: poolOf(config, range), changes: [], reserved: new Map() };
  work.taken.push(taken);
  const refused = new Set<bigint>();
  const used = new Set<bigint>();
  let foreign: ReadonlySet<bigint> = new Set();
  for (let round = 0; round < FOREIGN_ROUNDS; round++) {
    const { allocation, former, fresh } = await claimInPool(work, taken, used.size > 0 ? used.union(foreign) : foreign);
    const ip: Ip = { family: range.cidr.family, value: allocation.address };
    if (await work.options.isUsed?.({ key: taken.key, allocation })) {
      used.add(ip.value);
      continue;
    }
    if (!overlaps) return answer(work, allocation, fresh);
    taken.reserved.set(ip.value, undefined);
    const wanted: Reservation = { ...owner, network: config.networkName, ip };
    work.options.onWrite?.();
    const result = await reserve(ipam, overlaps, wanted, former, work.signal).catch((error) => {
      // not made, and who may not make one may not delete one either
      if (error instanceof RefusedError) taken.reserved.delete(ip.value);
      throw error;
    });
    if (result.kind !== "foreign") {
      const { token } = result.reservation;
      taken.reserved.set(ip.value, token);
      return answer(work, allocation, fresh, { reserved: true, ...(token !== undefined && { token }) });
    }
    taken.reserved.delete(ip.value);
    ipam.log.info("Address is reserved over another pool", { address: formatIp(ip), holder: result.holder.podRef });
    refused.add(ip.value);
    foreign = await foreignAddresses(work, overlaps, refused);
  }
  throw new PoolExhaustedError(
    `Cannot find an address of ${formatCidr(range.cidr)} that is not in use elsewhere after ${FOREIGN_ROUNDS} rounds`,
  );
}

/** The pool's part: an entry for the owner. `former`: the container id that the entry named before this call took it over. */
async function claimInPool(
  work: RangeWork,
  { key, changes }: Taken,
  avoid: ReadonlySet<bigint>,
): Promise<{ readonly allocation: Allocation; readonly former?: string; readonly fresh: boolean }> {
  const { ipam, config, owner, range, signal } = work;
  const besides = new Set(work.assigned.filter((done) => contains(range.cidr, done.ip)).map((done) => done.ip.value));
  const requested = requestedOf(config.ranges, config.requested)[config.ranges.indexOf(range)];
  const again = changes.some(({ after }) => after !== undefined);
  const request = allocateRequest(owner, range, {
    inUseElsewhere: avoid,
    ofOtherRanges: besides,
    isRetry: again,
    ...(requested !== undefined && { requested }),
  });
  using _turn = await ipam.turn(key, signal);
  const outcome = await ipam.commit(key, request, {
    signal,
    pause: config.sleepForRace * 1000,
    onAttempt: (attempt) => {
      changes.push(...attempt);
      work.options.onWrite?.();
    },
  });
  if (outcome.kind !== "kept" && outcome.kind !== "allocated") throw allocateError(key, range, outcome);
  const { allocation } = outcome;
  const before = changes.findLast(({ address }) => address === allocation.address)?.before;
  return { allocation, fresh: outcome.kind === "allocated", ...(before && { former: before.containerId }) };
}

/**
 * Addresses of the range that others reserved, read together rather than found one by one. Of those that were refused, one whose
 * reservation is gone by now was about to be released, and is free.
 */
async function foreignAddresses(
  { config, owner, range, signal }: RangeWork,
  overlaps: Reservations,
  refused: ReadonlySet<bigint>,
): Promise<ReadonlySet<bigint>> {
  const reservations = await overlaps.list(config.networkName, signal);
  const isOwn = (holder: Owner) => sameInterface(holder, owner) || sameInterface(holder, { ...owner, ifName: "" });
  const foreign = reservations.filter((one) =>
    contains(range.cidr, one.ip) && (refused.has(one.ip.value) || !isOwn(one))
  );
  return new Set(foreign.map(({ ip }) => ip.value));
}

function answer(
  { config, range }: RangeWork,
  allocation: Allocation,
  fresh: boolean,
  reservation: Pick<Held, "reserved" | "token"> = { reserved: false },
): Assigned {
  const ip: Ip = { family: range.cidr.family, value: allocation.address };
  const gateway = config.gateway?.family === ip.family ? config.gateway : undefined;
  const held = { key: poolOf(config, range), allocation, ...reservation };
  return { ip, prefix: range.cidr.prefix, held, fresh, ...(gateway && { gateway }) };
}
