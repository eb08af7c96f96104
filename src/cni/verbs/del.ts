/**
 * DEL: what the attachment holds goes back. A release that the store does not take now is kept in the node's journal.
 *
 * @module
 */
import type { IpamConfig } from "../../config/types.ts";
import { entryFields } from "../../ipam/log_fields.ts";
import { deliver, isTemporary, quietly } from "../../journal/deliver.ts";
import { recordedConf, recordedStore } from "../../journal/facts.ts";
import type { Journal } from "../../journal/journal.ts";
import { lockAttachment } from "../../journal/lock.ts";
import { planRelease } from "../../journal/plan.ts";
import type { JournalRecord } from "../../journal/record.ts";
import { RefusedError } from "../../storage/driver.ts";
import { type LogFields, makeLogger } from "../../world/log.ts";
import type { RequestContext } from "../context.ts";
import type { CniRequest } from "../request.ts";

/** Serves DEL. */
export async function del(context: RequestContext): Promise<string> {
  const { request, host, signal } = context;
  const log = makeLogger(host.world, { level: "error" });
  const journal = host.journal(log);
  using _lock = await lockAttachment(host, request, signal);
  const record = await journal?.find(request);
  const start = host.world.monotonic();
  const fields = () => ({ ...fieldsOf(request, record), ms: Math.round(host.world.monotonic() - start) });
  if (record && record.held.length > 0) context.known.fields = placeOf(record);
  const plan = await planRelease(host, request.conf, record);
  if (!plan) {
    log.error(
      record
        ? "Nothing is released: the store that the network names may no longer be opened; the sweep frees the addresses"
        : "Nothing is released: the configuration cannot be used, and this node gave the attachment nothing",
      fields(),
    );
  } else {
    if (record) await quietly(() => journal?.leave(record), log);
    const attachment = record ?? recordOf(request, plan.config);
    try {
      await deliver(host, plan, attachment, signal);
    } catch (error) {
      const refused = isRefused(error);
      if (!refused && !isTemporary(error, signal)) throw error;
      await keepPending(context, journal, attachment, error);
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

/**
 * Keeps a release that failed as a pending one. Success is answered only by a process that goes on delivering it; otherwise the runtime shall
 * try again. A release that needs a secret of the runtime's configuration is not kept: the journal has no secrets.
 */
async function keepPending(
  { host }: RequestContext,
  journal: Journal | undefined,
  record: JournalRecord,
  error: unknown,
): Promise<void> {
  if (!journal || record.withoutSecret) throw error;
  try {
    await journal.markPending(record);
  } catch {
    throw error;
  }
  if (!host.delivers) throw error;
}
