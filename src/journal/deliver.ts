/**
 * The release of an attachment by its record. DEL, GC and pending releases all end here.
 *
 * @module
 */
import type { ConfigHost, Configured } from "../config/configure.ts";
import { nodeName } from "../config/node.ts";
import type { IpamConfig } from "../config/types.ts";
import { NoSliceError } from "../ipam/errors.ts";
import type { Ipam, OpenIpam } from "../ipam/ipam.ts";
import { release } from "../ipam/release.ts";
import { sliceRanges } from "../ipam/slices.ts";
import { ConflictError, UnavailableError } from "../storage/driver.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import type { Journal } from "./journal.ts";
import { planRelease } from "./plan.ts";
import type { JournalRecord } from "./record.ts";

/** The process that releases. */
export interface ReleaseHost extends ConfigHost {
  /** Opens the store of a configuration. Waits no longer than the signal allows. */
  readonly open: (config: IpamConfig, log: Logger, signal: AbortSignal) => Promise<OpenIpam>;
  /** The node's journal; undefined: none is kept. */
  readonly journal: (log: Logger) => Journal | undefined;
  /** Waits for the lock of that name among the calls of this node. */
  readonly lock: World["lock"];
  /** Whether this process goes on delivering pending releases, so that DEL may answer success for one. */
  readonly delivers: boolean;
}

/**
 * Releases what a record names, in the store where it is.
 *
 * @param conf the configuration that a runtime names today, if one does: it may open the store that the record names
 * @throws {UnknownStoreError} the store is not known now
 */
export async function releaseByRecord(
  host: ReleaseHost,
  conf: unknown,
  record: JournalRecord,
  signal: AbortSignal,
): Promise<void> {
  const plan = await planRelease(host, conf, record);
  if (plan) await deliver(host, plan, record, signal); // else the store may no longer be opened: the sweep frees the addresses
}

/** Releases an attachment as planned. */
export async function deliver(
  host: ReleaseHost,
  { config, log }: Configured,
  record: JournalRecord,
  signal: AbortSignal,
): Promise<void> {
  await using ipam = await host.open(config, log, signal);
  await release(ipam, await stillSliced(host, ipam, config, signal), record, signal, record.held);
}

/** A node that lost its slice gave nothing from it that is not in its journal. */
async function stillSliced(
  { world }: ReleaseHost,
  ipam: Ipam,
  config: IpamConfig,
  signal: AbortSignal,
): Promise<IpamConfig> {
  try {
    return await sliceRanges(ipam, config, () => nodeName(world, config), signal, "recorded");
  } catch (error) {
    if (!(error instanceof NoSliceError)) throw error;
    ipam.log.warn(error.message);
    return { ...config, ranges: [] };
  }
}

/** Whether a failure may pass by itself. */
export function isTemporary(error: unknown, signal: AbortSignal): boolean {
  if (error instanceof AggregateError) return error.errors.some((one) => isTemporary(one, signal));
  return signal.aborted || error instanceof UnavailableError || error instanceof ConflictError;
}

/** What the journal does not take is no failure of a release that is done. A record that stays is found out of date by whoever reads it. */
export async function quietly(write: () => Promise<void> | undefined, log: Logger): Promise<void> {
  try {
    await write();
  } catch (error) {
    log.error("Cannot write the node's journal", { error: String(error) });
  }
}
