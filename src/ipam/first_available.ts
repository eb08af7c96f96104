/**
 * Networks that give one address in all, from the first range that has one free (`ipRangesAllocation: first_available`).
 *
 * @module
 */
import { formatCidr } from "../address/cidr.ts";
import { type IpRange, isCandidate } from "../address/range.ts";
import type { IpamConfig } from "../config/types.ts";
import { isBlockOf } from "../pool/grid.ts";
import { describeKeeper } from "../pool/keepers.ts";
import { requestedOf } from "../pool/requested.ts";
import { isKeptIn } from "../pool/restore.ts";
import {
  type Allocation,
  type Entry,
  formatPoolKey,
  type Owner,
  ownsEntry,
  type PoolKey,
  sameInterface,
} from "../pool/types.ts";
import { ConflictError } from "../storage/driver.ts";
import { PoolExhaustedError } from "./errors.ts";
import { type Ipam, poolOf, poolsOf } from "./ipam.ts";

/**
 * The ranges in the order in which to try them. A range of which an address is requested is the only one. A range of which the owner has an
 * address comes first: a repeated ADD keeps it, although an earlier range has a free address again; of several, one that another pod of its
 * keeper has. Reads each pool once; of a divided range only the blocks that may have an entry of the attachment.
 *
 * @param recorded the pools that may have one, as the node recorded
 * @throws the store's error: without an answer, the owner may have an address of any range
 */
export async function rangesToTry(
  ipam: Pick<Ipam, "driver">,
  config: IpamConfig,
  owner: Owner,
  signal: AbortSignal,
  recorded: readonly PoolKey[] = [],
): Promise<readonly IpRange[]> {
  const { ranges } = config;
  const requested = requestedOf(ranges, config.requested);
  const only = ranges.find((_, i) => requested[i] !== undefined);
  if (only || ranges.length < 2) return only ? [only] : ranges;
  const pools = ranges.map(async (range) => {
    const keys = range.blocks ? recorded.filter(({ cidr }) => isBlockOf(range, cidr)) : [poolOf(config, range)];
    const read = await Promise.all(keys.map((key) => ipam.driver.read(key, signal)));
    return read.flatMap(({ allocations }) => allocations.values().filter((one) => ownsEntry(owner, one)).toArray());
  });
  const own = await Promise.all(pools);
  const isAttached = (entry: Allocation) => entry.keeper && entry.containerId !== "" && !sameInterface(entry, owner);
  const held = ranges.find((_, i) => own[i]?.some(isAttached)) ??
    ranges.find((range, i) => own[i]?.some(({ address }) => isCandidate(range, address))) ??
    ranges.find((_, i) => own[i]?.length);
  return held ? [held, ...ranges.filter((range) => range !== held)] : ranges;
}

/**
 * Refuses a new address of a keeper that has one of another range: concurrent ADDs of its pods saw none before they wrote. Each of them reads
 * after its own write, so that at least one sees the other.
 *
 * @throws {ConflictError} it has one; the caller rolls back
 */
export async function refuseSecond(
  ipam: Pick<Ipam, "driver">,
  config: IpamConfig,
  owner: Owner,
  { key }: Entry,
  signal: AbortSignal,
): Promise<void> {
  const { keeper } = owner;
  if (!keeper) return;
  for (const other of poolsOf(config).filter((one) => formatPoolKey(one) !== formatPoolKey(key))) {
    const { allocations } = await ipam.driver.read(other, signal);
    if (!isKeptIn(allocations, owner)) continue;
    throw new ConflictError(
      `${describeKeeper(keeper)} got an address of ${formatCidr(other.cidr)} for another pod during this ADD; retry`,
    );
  }
}

/** The error for a network whose ranges are all full. */
export function allExhausted(ranges: readonly IpRange[], errors: readonly PoolExhaustedError[]): PoolExhaustedError {
  const [only] = errors;
  if (only && errors.length === 1) return only;
  return new PoolExhaustedError(
    `Cannot allocate an address: no range has a free one (${ranges.map(({ cidr }) => formatCidr(cidr)).join(", ")}); ` +
      "add a range, widen one, or delete pods that use their addresses",
    { cause: new AggregateError(errors) },
  );
}
