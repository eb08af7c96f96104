/**
 * Releases an attachment by its record, for DEL, GC and pending releases.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import type { ConfigHost } from "../config/configure.ts";
import { nodeName } from "../config/node.ts";
import type { IpamConfig } from "../config/types.ts";
import { NoSliceError } from "../ipam/errors.ts";
import type { Ipam, OpenIpam } from "../ipam/ipam.ts";
import { entryFields, rangesOfPools, withRests } from "../ipam/recorded.ts";
import { release } from "../ipam/release.ts";
import { sliceRanges } from "../ipam/node_slice.ts";
import { ConflictError, UnavailableError } from "../storage/driver.ts";
import { type LogFields, type Logger, makeLogger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import type { Journal } from "./journal.ts";
import { planRelease, type ReleasePlan } from "./plan.ts";
import type { JournalRecord } from "./record.ts";

/** The process that releases. */
export interface ReleaseHost extends ConfigHost {
  /** Opens the store of a configuration. Stops waiting when the signal aborts. */
  readonly open: (config: IpamConfig, log: Logger, signal: AbortSignal) => Promise<OpenIpam>;
  /** The node's journal. Undefined: the node keeps no journal. */
  readonly journal: (log: Logger) => Journal | undefined;
  /** Waits for a lock among the calls of this node. */
  readonly lock: World["lock"];
  /** Whether this process retries pending releases, so that DEL may answer success for one. */
  readonly retriesPending: boolean;
}

/** The log line of a release whose store the operator no longer allows. */
export const NOTHING_RELEASED =
  "Nothing is released: the operator no longer permits the store of this network; the sweep frees the addresses";

/** The log fields of a record. */
export function recordFields({ entries, network, containerId, ifName }: JournalRecord): LogFields {
  const { ip, pool, pod } = entries.length > 0 ? entryFields(entries) : {};
  return { ip, pool, pod, if: ifName, network, container: containerId };
}

/**
 * Releases the entries of a record. If the operator no longer allows the store, releases nothing and logs that: the sweep frees the addresses.
 *
 * @param conf the runtime's current network configuration, if known: it may have the password of the store that the record names
 * @throws {UnknownStoreError} the store is unknown now
 */
export async function releaseByRecord(
  host: ReleaseHost,
  conf: unknown,
  record: JournalRecord,
  signal: AbortSignal,
): Promise<void> {
  const plan = await planRelease(host, conf, record);
  if (plan) await releaseByPlan(host, plan, record, signal);
  else makeLogger(host.world, { level: "error" }).error(NOTHING_RELEASED, recordFields(record));
}

/** Releases an attachment by a plan. */
export async function releaseByPlan(
  host: ReleaseHost,
  { config, log, rests = [] }: ReleasePlan,
  record: JournalRecord,
  signal: AbortSignal,
): Promise<void> {
  await using ipam = await host.open(config, log, signal);
  const entries = withRests(record.entries, rests);
  const pools = rangesOfPools(record.pools ?? []);
  const sliced = await withSlices(host, ipam, config, signal);
  const searched = pools.length > 0 ? { ...sliced, ranges: [...sliced.ranges, ...pools] } : sliced;
  const journal = host.journal(log);
  const isRecorded = entries.length + pools.length > 0;
  const mayHaveMore = async () => !isRecorded && !await journal?.hasEnded(record);
  const released = await release(ipam, searched, record, signal, entries, mayHaveMore);
  if (released.length > 0) {
    journal?.note("released", { ...recordFields(record), ip: released.map(formatIp).join() });
  }
}

/** The journal of a node that lost its slice has everything that the node allocated from it. */
async function withSlices(
  { world }: ReleaseHost,
  ipam: Ipam,
  config: IpamConfig,
  signal: AbortSignal,
): Promise<IpamConfig> {
  try {
    return await sliceRanges(ipam, config, () => nodeName(world, config), signal, "release");
  } catch (error) {
    if (!(error instanceof NoSliceError)) throw error;
    ipam.log.warn(error.message);
    return { ...config, ranges: [] };
  }
}

/** Whether a retry may succeed. */
export function isTemporary(error: unknown, signal: AbortSignal): boolean {
  if (error instanceof AggregateError) return error.errors.some((one) => isTemporary(one, signal));
  return signal.aborted || error instanceof UnavailableError || error instanceof ConflictError;
}

/** Logs a failure to write the journal, because the release itself has succeeded. Every reader checks whether a record is stale. */
export async function quietly(write: () => Promise<void> | undefined, log: Logger): Promise<void> {
  try {
    await write();
  } catch (error) {
    log.error("Cannot write the node's journal", { error: String(error) });
  }
}
