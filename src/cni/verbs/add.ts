/**
 * ADD: an address of each range, and a note of it in the node's journal.
 *
 * @module
 */
import { ConflictError, UnavailableError } from "../../storage/driver.ts";
import { allocate, type Assigned } from "../../ipam/allocate.ts";
import type { Journal } from "../../journal/journal.ts";
import type { Attachment, JournalRecord } from "../../journal/record.ts";
import type { Logger } from "../../world/log.ts";
import { type Call, configure, ownerOf, sliced } from "../call.ts";
import { attachmentTurn } from "../turn.ts";
import { renderResult } from "../result.ts";

/** Serves ADD. */
export async function add(call: Call): Promise<string> {
  const { request, world, host, signal } = call;
  const { config, log } = await configure(call);
  const owner = ownerOf(request, config);
  const { network, containerId, ifName, conf } = request;
  using _turn = await attachmentTurn(world, request, signal);
  const journal = host.journal(world, log);
  const former = await formerRecord(journal, request);
  const record: JournalRecord = { network, containerId, ifName, conf: JSON.stringify(conf), held: former?.held ?? [] };
  if (config.ranges.length > 0) await note(journal, record, log);
  await using ipam = await host.open(config, world, log);
  let assigned: Assigned[];
  try {
    assigned = await allocate(ipam, await sliced(call, ipam, config), owner, signal);
  } catch (error) {
    if (!former) await afterFailure(journal, record, error, signal);
    throw error;
  }
  if (assigned.length > 0) await note(journal, { ...record, held: assigned.map(({ held }) => held) }, log);
  return renderResult(
    { ips: [...assigned, ...config.addresses], routes: config.routes, dns: config.dns },
    request.cniVersion,
  );
}

/** What an earlier ADD of the same attachment was given. It is in use, so a repeated one that fails takes nothing back. */
async function formerRecord(journal: Journal | undefined, attachment: Attachment): Promise<JournalRecord | undefined> {
  const record = await journal?.find(attachment);
  return record && record.held.length > 0 && !await journal?.isPending(attachment) ? record : undefined;
}

/** A journal that cannot be written costs GC its knowledge, not the pod its address. */
async function note(journal: Journal | undefined, record: JournalRecord, log: Logger): Promise<void> {
  await journal?.hold(record).catch((error) => log.error("Cannot write the node's journal", { error: String(error) }));
}

/** What a store that did not answer may have kept is taken back later; where it answered, all was given back. */
async function afterFailure(
  journal: Journal | undefined,
  record: JournalRecord,
  error: unknown,
  signal: AbortSignal,
): Promise<void> {
  const unknown = error instanceof UnavailableError || error instanceof ConflictError || signal.aborted;
  await (unknown ? journal?.promise(record) : journal?.forget(record))?.catch(() => {});
}
