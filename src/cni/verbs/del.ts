/**
 * DEL: what the attachment holds goes back. A release that the store does not take now is kept in the node's journal.
 *
 * @module
 */
import type { IpamConfig } from "../../config/types.ts";
import { NoSliceError } from "../../ipam/errors.ts";
import type { OpenIpam } from "../../ipam/ipam.ts";
import { entryFields } from "../../ipam/log_fields.ts";
import { release } from "../../ipam/release.ts";
import type { Journal } from "../../journal/journal.ts";
import { recordedConf, recordedStore } from "../../journal/facts.ts";
import type { JournalRecord } from "../../journal/record.ts";
import { ConflictError, RefusedError, UnavailableError } from "../../storage/driver.ts";
import { type LogFields, type Logger, makeLogger } from "../../world/log.ts";
import { type Configured, type RequestContext, sliced } from "../context.ts";
import { planRelease } from "../release_plan.ts";
import type { CniRequest } from "../request.ts";
import { attachmentTurn } from "../turn.ts";

/** Serves DEL. */
export async function del(context: RequestContext): Promise<string> {
  const { request, host } = context;
  const log = makeLogger(host.world, { level: "error" });
  const journal = host.journal(log);
  using _turn = await attachmentTurn(host, request, context.signal);
  const record = await journal?.find(request);
  const start = host.world.monotonic();
  const fields = () => ({ ...fieldsOf(request, record), ms: Math.round(host.world.monotonic() - start) });
  if (context.configured && record && record.held.length > 0) context.configured.fields = placeOf(record);
  const plan = await planRelease(context, record);
  if (!plan) {
    log.error(
      record
        ? "Nothing is released: the store that the network names may no longer be opened; the sweep frees the addresses"
        : "Nothing is released: the configuration cannot be used, and this node gave the attachment nothing",
      fields(),
    );
  } else {
    if (record) await quietly(() => journal?.leave(record), log);
    try {
      await deliver(context, plan, record);
    } catch (error) {
      const refused = isRefused(error);
      if (!refused && !isLater(error, context.signal)) throw error;
      await promised(context, journal, record ?? recordOf(request, plan.config), error);
      if (refused) throw error; // people shall see it, while the release is tried again all the same
      plan.log.warn("Release pending: the node delivers it when the store answers", {
        error: error instanceof Error ? error.message : String(error),
        ...fields(),
      });
      return "";
    }
  }
  await quietly(() => journal?.forget(request), log);
  return "";
}

/** The addresses of a record and their pools, as they stand in log lines. */
function placeOf({ held }: JournalRecord): LogFields {
  const { ip, pool } = entryFields(held);
  return { ip, pool };
}

/** What a log line about a DEL names. */
function fieldsOf({ network, containerId, ifName }: CniRequest, record: JournalRecord | undefined): LogFields {
  const pod = record?.held[0]?.allocation.podRef;
  const place = record && record.held.length > 0 ? placeOf(record) : {};
  return { ...place, ...(pod !== undefined && { pod }), if: ifName, network, container: containerId };
}

/** What the journal does not take is no failure of a release that is done. A record that stays is found out of date by whoever reads it. */
export async function quietly(write: () => Promise<void> | undefined, log: Logger): Promise<void> {
  try {
    await write();
  } catch (error) {
    log.error("Cannot write the node's journal", { error: String(error) });
  }
}

/** Of an attachment that the journal does not know. */
function recordOf({ network, containerId, ifName, conf }: CniRequest, { datastore }: IpamConfig): JournalRecord {
  const recorded = recordedConf(conf);
  return {
    network,
    containerId,
    ifName,
    conf: recorded.conf,
    held: [],
    store: recordedStore(datastore),
    ...(recorded.withoutSecret && { withoutSecret: true }),
  };
}

/** An API server that is starting refuses what it will allow in a second, and there are runtimes that ask for a release only once. */
function isRefused(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isRefused);
  return error instanceof RefusedError;
}

/** Releases an attachment: of the call, or of a record. */
export async function deliver(
  context: RequestContext,
  { config, log }: Configured,
  record: JournalRecord | undefined,
): Promise<void> {
  await using ipam = await context.host.open(config, log, context.signal);
  const held = record?.held ?? [];
  await release(ipam, await stillSliced(context, ipam, config, log), context.request, context.signal, held);
}

/** A node that lost its slice gave nothing from it that is not in its journal. */
async function stillSliced(
  context: RequestContext,
  ipam: OpenIpam,
  config: IpamConfig,
  log: Logger,
): Promise<IpamConfig> {
  try {
    return await sliced(context, ipam, config, "recorded");
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

/**
 * Writes the promise down. Success is answered only by a process that will keep it; otherwise the runtime shall try again. A release that
 * needs a secret of the runtime's configuration is not promised: the journal keeps no secrets.
 */
async function promised(
  { host }: RequestContext,
  journal: Journal | undefined,
  record: JournalRecord,
  error: unknown,
): Promise<void> {
  if (!journal || record.withoutSecret) throw error;
  try {
    await journal.promise(record);
  } catch {
    throw error;
  }
  if (!host.delivers) throw error;
}
