/**
 * DEL: what the attachment holds goes back. A release that the store does not take now is kept in the node's journal.
 *
 * @module
 */
import { ConfigError, type IpamConfig } from "../../config/types.ts";
import { NoSliceError } from "../../ipam/errors.ts";
import type { OpenIpam } from "../../ipam/ipam.ts";
import { release } from "../../ipam/release.ts";
import type { Journal } from "../../journal/journal.ts";
import type { JournalRecord } from "../../journal/record.ts";
import { ConflictError, RefusedError, UnavailableError } from "../../storage/driver.ts";
import { type Logger, makeLogger } from "../../world/log.ts";
import { type Call, configure, type Configured, sliced } from "../call.ts";
import { attachmentTurn } from "../turn.ts";

/** Serves DEL. */
export async function del(call: Call): Promise<string> {
  const { request, world, host } = call;
  const log = makeLogger(world, { level: "error" });
  const journal = host.journal(world, log);
  using _turn = await attachmentTurn(world, request, call.signal);
  const record = await journal?.find(request);
  const configured = await usable(call, record);
  if (!configured) {
    log.error("Nothing is released: the configuration cannot be used, and this node gave the attachment nothing", {
      network: request.network,
      containerId: request.containerId,
    });
    return "";
  }
  try {
    await deliver(call, configured, record);
  } catch (error) {
    const refused = isRefused(error);
    if (!refused && !isLater(error, call.signal)) throw error;
    await promised(call, journal, record, error);
    if (refused) throw error; // people shall see it, while the release is tried again all the same
    return "";
  }
  await journal?.forget(request);
  return "";
}

/** An API server that is starting refuses what it will allow in a second, and there are runtimes that ask for a release only once. */
function isRefused(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isRefused);
  return error instanceof RefusedError;
}

/**
 * The configuration to release by: the call's own, else the recorded one. With neither, the node gave nothing under it: a configuration
 * that cannot be used never passed an ADD.
 */
async function usable(call: Call, record: JournalRecord | undefined): Promise<Configured | undefined> {
  try {
    return await configure(call);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return record ? await configure(call, JSON.parse(record.conf)) : undefined;
  }
}

/** Releases an attachment: of the call, or of a record. */
export async function deliver(
  call: Call,
  { config, log }: Configured,
  record: JournalRecord | undefined,
): Promise<void> {
  await using ipam = await call.host.open(config, call.world, log);
  const held = record?.held ?? [];
  await release(ipam, await stillSliced(call, ipam, config, log), call.request, call.signal, held);
}

/** A node that lost its slice gave nothing from it that is not in its journal. */
async function stillSliced(call: Call, ipam: OpenIpam, config: IpamConfig, log: Logger): Promise<IpamConfig> {
  try {
    return await sliced(call, ipam, config, "recorded");
  } catch (error) {
    if (!(error instanceof NoSliceError)) throw error;
    log.warn(error.message);
    return { ...config, ranges: [] };
  }
}

/** Whether a failure may pass by itself. */
export function isLater(error: unknown, signal: AbortSignal): boolean {
  if (error instanceof AggregateError) return error.errors.some((one) => isLater(one, signal));
  return signal.aborted || error instanceof UnavailableError || error instanceof ConflictError;
}

/** Writes the promise down. Success is answered only by a process that will keep it; otherwise the runtime shall try again. */
async function promised(
  { request, host }: Call,
  journal: Journal | undefined,
  record: JournalRecord | undefined,
  error: unknown,
): Promise<void> {
  const { network, containerId, ifName, conf } = request;
  if (!journal) throw error;
  try {
    await journal.promise(record ?? { network, containerId, ifName, conf: JSON.stringify(conf), held: [] });
  } catch {
    throw error;
  }
  if (!host.delivers) throw error;
}
