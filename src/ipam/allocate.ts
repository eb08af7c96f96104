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
import { claim } from "../pool/requests.ts";
import { type Allocation, type Owner, sameInterface } from "../pool/types.ts";
import { type ClaimResult, RefusedError, type Reservation, type Reservations } from "../storage/driver.ts";
import { retry } from "../storage/retry.ts";
import { PoolExhaustedError } from "./errors.ts";
import type { Held } from "./held.ts";
import { type Ipam, mayGoTogether, poolOf } from "./ipam.ts";
import type { Taken, TakenEntries } from "./rollback.ts";

/** Rounds in all in which an address turns out to be reserved elsewhere. Each round skips every reservation known by then. */
const FOREIGN_ROUNDS = 20;

/** One address given to the owner. */
export interface Assigned extends StaticAddress {
  /** What the node should remember of it. */
  readonly held: Held;
}

/**
 * Gives the owner an address of each range. Asked again for the same pod and interface, the answer is the same.
 *
 * @param onWrite called before each request that may write: a call that fails without it left nothing in the store
 * @returns one address a range, in order
 * @throws {PoolExhaustedError} a range has no address left
 * @throws {AddressTakenError} a requested address is somebody else's, or nobody's to have
 * @throws {UnavailableError | ConflictError | RefusedError} the store failed; what this call took was given back as far as it answers
 */
export async function allocate(
  ipam: Ipam,
  config: IpamConfig,
  owner: Owner,
  signal: AbortSignal,
  onWrite: () => void = () => {},
): Promise<Assigned[]> {
  const taken: Taken[] = [];
  const work = { ipam, config, owner, taken, signal, onWrite };
  try {
    return mayGoTogether(ipam, config.ranges) ? await allocateAtOnce(work) : await allocateInOrder(work);
  } catch (error) {
    await (await import("./rollback.ts")).giveBack(ipam, taken);
    throw error;
  }
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
  readonly onWrite: () => void;
}

async function allocateRange(work: RangeWork): Promise<Assigned> {
  const { ipam, config, owner, range } = work;
  const overlaps = config.overlapping ? ipam.driver.overlaps : undefined;
  const refused = new Set<bigint>();
  let avoid: ReadonlySet<bigint> = refused;
  for (let round = 0; round < FOREIGN_ROUNDS; round++) {
    const { allocation, fresh } = await claimInPool(work, avoid);
    const ip: Ip = { family: range.cidr.family, value: allocation.address };
    if (!overlaps) return answer(work, allocation);
    const wanted: Reservation = { ...owner, network: config.networkName, ip };
    const result = await reserve(work, overlaps, wanted, fresh);
    if (result.kind !== "foreign") return answer(work, allocation, result.reservation.token);
    ipam.log.info("Address is reserved over another pool", { address: formatIp(ip), holder: result.holder.podRef });
    refused.add(ip.value);
    avoid = new Set([...await foreignAddresses(work, overlaps), ...refused]);
  }
  throw new PoolExhaustedError(
    `Cannot find an address of ${formatCidr(range.cidr)} that is not reserved elsewhere after ${FOREIGN_ROUNDS} rounds`,
  );
}

/**
 * The reservation. It is given back, should the call fail, where the entry is, and where this call made it beside an entry that it only
 * took over: the release of the former sandbox may have deleted the former one.
 */
async function reserve(
  { ipam, taken, signal, onWrite }: RangeWork,
  overlaps: Reservations,
  wanted: Reservation,
  fresh: boolean,
): Promise<ClaimResult> {
  const made: Taken = { kind: "reservation", reservation: wanted };
  if (fresh) taken.push(made);
  onWrite();
  try {
    const result = await retry((limit) => overlaps.claim(wanted, limit), ipam.clock, signal);
    if (!fresh && result.kind === "created") taken.push(made);
    return result;
  } catch (error) {
    // not made, and who may not make one may not delete one either
    if (fresh && error instanceof RefusedError) taken.splice(taken.indexOf(made), 1);
    throw error;
  }
}

/** The pool's part: an entry for the owner. `fresh`: this call made it, so this call gives it back if it fails. */
async function claimInPool(
  work: RangeWork,
  avoid: ReadonlySet<bigint>,
): Promise<{ allocation: Allocation; fresh: boolean }> {
  const { ipam, config, owner, range, signal } = work;
  const key = poolOf(config, range);
  const besides = new Set(work.assigned.filter((done) => contains(range.cidr, done.ip)).map((done) => done.ip.value));
  const requested = config.requested.find((ip) => contains(range.cidr, ip) && !besides.has(ip.value))?.value;
  const request = claim(owner, range, { avoid, besides, ...(requested !== undefined && { requested }) });
  const undo: TakenEntries = { kind: "changes", key, changes: [] };
  work.taken.push(undo);
  using _turn = await ipam.turn(key, signal);
  const outcome = await ipam.commit(key, request, {
    signal,
    pause: config.sleepForRace * 1000,
    onAttempt: (changes) => {
      undo.changes.push(...changes);
      work.onWrite();
    },
  });
  if (outcome.kind !== "held" && outcome.kind !== "claimed") {
    const { refusal } = await import("./refusal.ts");
    throw refusal(key, range, outcome);
  }
  const { allocation } = outcome;
  const fresh = undo.changes.some((change) => change.address === allocation.address && change.before === undefined);
  return { allocation, fresh };
}

/** Addresses of the range that others reserved, read at once rather than found one by one. */
async function foreignAddresses(
  { ipam, config, owner, range, signal }: RangeWork,
  overlaps: Reservations,
): Promise<bigint[]> {
  const reservations = await retry((limit) => overlaps.list(config.networkName, limit), ipam.clock, signal);
  const isOwn = (holder: Owner) => sameInterface(holder, owner) || sameInterface(holder, { ...owner, ifName: "" });
  return reservations.filter((one) => contains(range.cidr, one.ip) && !isOwn(one)).map(({ ip }) => ip.value);
}

function answer({ config, range }: RangeWork, allocation: Allocation, token?: string): Assigned {
  const ip: Ip = { family: range.cidr.family, value: allocation.address };
  const gateway = config.gateway?.family === ip.family ? config.gateway : undefined;
  const held = { key: poolOf(config, range), allocation, ...(token !== undefined && { token }) };
  return { ip, prefix: range.cidr.prefix, held, ...(gateway && { gateway }) };
}
