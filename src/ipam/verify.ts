/**
 * CHECK: verifies that the addresses of a previous result still belong to the owner.
 *
 * @module
 */
import { contains, formatCidr } from "../address/cidr.ts";
import { formatIp, type Ip } from "../address/ip.ts";
import type { IpRange } from "../address/range.ts";
import type { IpamConfig } from "../config/types.ts";
import { blockAt } from "../pool/grid.ts";
import { isFormer } from "../pool/kept.ts";
import {
  type Allocation,
  formatPoolKey,
  isKeptFor,
  type Owner,
  ownsReservation,
  type PoolKey,
  sameOwner,
} from "../pool/types.ts";
import { NotAllocatedError } from "./errors.ts";
import { type Ipam, poolOf } from "./ipam.ts";
import { readMoved } from "./moved.ts";

/**
 * Verifies that the owner has an address of each range, or with `first_available` of one range, that the previous result contains it, and that
 * its reservation is the owner's.
 *
 * @param previous the addresses of the previous result
 * @throws {NotAllocatedError} an entry or reservation is missing or belongs to another owner; the message names it
 *
 * @example
 * ```ts
 * import { allocate, denoWorld, loadConfig, openStore, release, verify } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * const conf = { name: "lab", ipam: { type: "whereabouts", datastore: "embedded", database: ":memory:", range: "10.0.0.0/24" } };
 * const { config } = await loadConfig(denoWorld(), { conf });
 * await using store = await openStore(config, { world: denoWorld() });
 *
 * const owner = { podRef: "default/web-0", ifName: "net1", containerId: "9f1c" };
 * const signal = AbortSignal.timeout(10_000);
 * const ips = (await allocate(store, config, owner, signal)).map(({ ip }) => ip);
 * await verify(store, config, owner, ips, signal);
 * await release(store, config, owner, signal);
 * await assert.rejects(verify(store, config, owner, ips, signal), /10\.0\.0\.1 .*: it is free/);
 * ```
 */
export async function verify(
  ipam: Ipam,
  config: IpamConfig,
  owner: Owner,
  previous: readonly Ip[],
  signal: AbortSignal,
): Promise<void> {
  if (config.rangesAllocation === "first_available") return await verifyOne(ipam, config, owner, previous, signal);
  const verified = new Set<string>();
  for (const range of config.ranges) {
    const others = previous.filter((one) => !verified.has(formatIp(one)));
    verified.add(formatIp(await verifyRange(ipam, config, range, owner, others, signal)));
  }
}

/** Verifies an address of any range: the previous result does not name the range, and may contain static addresses of the others' networks. */
async function verifyOne(
  ipam: Ipam,
  config: IpamConfig,
  owner: Owner,
  previous: readonly Ip[],
  signal: AbortSignal,
): Promise<void> {
  const named = config.ranges.filter(({ cidr }) => previous.some((ip) => contains(cidr, ip)));
  let failure: NotAllocatedError | undefined;
  for (const range of named.length > 0 ? named : config.ranges) {
    try {
      return void await verifyRange(ipam, config, range, owner, previous, signal);
    } catch (error) {
      if (!(error instanceof NotAllocatedError)) throw error;
      failure ??= error;
    }
  }
  if (failure) throw failure;
}

/** Verifies the address of a range, and its reservation. Returns the address. */
async function verifyRange(
  ipam: Ipam,
  config: IpamConfig,
  range: IpRange,
  owner: Owner,
  previous: readonly Ip[],
  signal: AbortSignal,
): Promise<Ip> {
  const { ip, keeper } = await verifyEntry(ipam, config, range, owner, previous, signal);
  // a caller without a record of its ADD does not know what keeps the address
  const kept = { ...owner, ...(keeper && { keeper }) };
  if (config.overlapping && ipam.driver.reservations) await verifyReservation(ipam, config, kept, ip, signal);
  return ip;
}

async function verifyEntry(
  ipam: Ipam,
  config: IpamConfig,
  range: IpRange,
  owner: Owner,
  previous: readonly Ip[],
  signal: AbortSignal,
): Promise<{ readonly ip: Ip } & Pick<Owner, "keeper">> {
  const key = poolOf(config, range);
  const candidates = previous.filter((ip) => contains(range.cidr, ip));
  const pools = await readMoved(ipam.driver, [key, ...blocksOf(config, range, candidates)], candidates, signal);
  const entriesOf = ({ value }: Ip) => pools.flatMap(({ allocations }) => allocations.get(value) ?? []);
  for (const ip of candidates) {
    const allocation = entriesOf(ip).find((entry) => isAllocatedTo(owner, entry));
    if (allocation) return { ip, ...(allocation.keeper && { keeper: allocation.keeper }) };
  }
  const pool = formatPoolKey(key);
  const who = `${owner.podRef} (${owner.ifName}, container ${owner.containerId})`;
  const [first] = candidates;
  if (!first) throw new NotAllocatedError(`The previous result has no address of ${formatCidr(range.cidr)} for ${who}`);
  const holder = entriesOf(first).at(-1);
  const found = holder
    ? `it is allocated to ${holder.podRef} (${holder.ifName}, container ${holder.containerId})`
    : "it is free";
  throw new NotAllocatedError(`Address ${formatIp(first)} of pool ${pool} is not allocated to ${who}: ${found}`);
}

/** The blocks of a divided range that addresses belong to. */
function blocksOf({ networkName }: IpamConfig, { blocks }: IpRange, ips: readonly Ip[]): PoolKey[] {
  return blocks ? ips.map((ip) => ({ network: networkName, cidr: blockAt(ip, blocks.prefix) })) : [];
}

/** Whether an entry is the owner's, is kept for the owner, or names the owner's sandbox as the one from which its virtual machine moves. */
function isAllocatedTo(owner: Owner, entry: Allocation): boolean {
  return sameOwner(entry, owner) || isKeptFor(owner, entry) || isFormer(entry, owner);
}

async function verifyReservation(
  ipam: Ipam,
  config: IpamConfig,
  owner: Owner,
  ip: Ip,
  signal: AbortSignal,
): Promise<void> {
  const { reservations } = ipam.driver;
  const stored = await reservations?.find(config.networkName, ip, signal);
  if (!stored) {
    throw new NotAllocatedError(`Address ${formatIp(ip)} has no cluster-wide reservation for ${owner.podRef}`);
  }
  if (ownsReservation(owner, stored)) return;
  throw new NotAllocatedError(
    `The reservation of address ${
      formatIp(ip)
    } belongs to ${stored.podRef} (${stored.ifName}), not to ${owner.podRef} (${owner.ifName})`,
  );
}
