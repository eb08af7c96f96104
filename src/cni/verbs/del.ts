/**
 * DEL: releases the addresses of an attachment. If the store is unavailable, the node's journal keeps the release pending.
 *
 * @module
 */
import type { IpamConfig } from "../../config/types.ts";
import { isTemporary, NOTHING_RELEASED, quietly, recordFields, releaseByPlan } from "../../journal/release.ts";
import { recordedConf, recordedStore } from "../../journal/facts.ts";
import { type Journal, lockAttachment } from "../../journal/journal.ts";
import { planRelease } from "../../journal/plan.ts";
import type { JournalRecord } from "../../journal/record.ts";
import { RefusedError } from "../../storage/driver.ts";
import { type LogFields, makeLogger } from "../../world/log.ts";
import type { RequestContext } from "../context.ts";
import type { CniRequest } from "../request.ts";
import { messageOf } from "../../values/errors.ts";

/** Serves DEL. */
export async function del(context: RequestContext): Promise<string> {
  const { request, host, signal } = context;
  const log = makeLogger(host.world, { level: "error" });
  const journal = host.journal(log);
  using _lock = await lockAttachment(host, request, signal);
  const record = await journal?.find(request);
  const start = host.world.monotonic();
  const fields = () => ({ ...fieldsOf(request, record), ms: Math.round(host.world.monotonic() - start) });
  if (record && record.entries.length > 0) {
    const { ip, pool } = recordFields(record);
    context.callLog.fields = { ip, pool };
  }
  const plan = await planRelease(host, request.conf, record);
  if (!plan) {
    log.error(
      record
        ? NOTHING_RELEASED
        : "Nothing to release: the configuration is invalid, and this node's journal has no record of the attachment",
      fields(),
    );
  } else {
    if (record) await quietly(() => journal?.beginRelease(record), log);
    const attachment = record ?? recordOf(request, plan.config);
    try {
      await releaseByPlan(host, plan, attachment, signal);
    } catch (error) {
      const refused = isRefused(error);
      if (!refused && !isTemporary(error, signal)) throw error;
      await keepPending(context, journal, attachment, error);
      if (refused) throw error; // reported to the user, and retried nevertheless
      plan.log.warn("Release is pending; the node retries it until the store accepts it", {
        error: messageOf(error),
        ...fields(),
      });
      return "";
    }
  }
  await quietly(() => journal?.remove(request), log);
  return "";
}

/** The fields of a log line about a DEL. */
function fieldsOf({ network, containerId, ifName }: CniRequest, record: JournalRecord | undefined): LogFields {
  return record ? recordFields(record) : { if: ifName, network, container: containerId };
}

/** The record of an attachment that the journal does not contain. */
function recordOf({ network, containerId, ifName, conf }: CniRequest, { datastore }: IpamConfig): JournalRecord {
  const recorded = recordedConf(conf);
  return {
    network,
    containerId,
    ifName,
    conf: recorded.conf,
    entries: [],
    store: recordedStore(datastore),
    ...(recorded.withoutSecret && { withoutSecret: true }),
  };
}

/**
 * Whether the store refused the release. It stays pending nevertheless, because a starting API server refuses what it allows a second later, and
 * some runtimes send DEL only once.
 */
function isRefused(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isRefused);
  return error instanceof RefusedError;
}

/**
 * Keeps a failed release pending. A secret of the runtime's configuration is never recorded, so a release that needs one is not kept.
 *
 * @throws the error, so that the runtime retries, unless the release is pending and this process retries it
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
  if (!host.retriesPending) throw error;
}
