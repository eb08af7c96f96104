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
import { CniError, CODES } from "../error.ts";
import { attachmentTurn } from "../turn.ts";
import { renderResult } from "../result.ts";

/** Serves ADD. */
export async function add(call: Call): Promise<string> {
  const { request, world, host, signal } = call;
  const { config, log } = await configure(call);
  const owner = await ownerOf(call, config);
  const { network, containerId, ifName, conf } = request;
  using _turn = await attachmentTurn(world, request, signal);
  const journal = host.journal(world, log);
  const former = await formerRecord(journal, request);
  let record: JournalRecord = { network, containerId, ifName, conf: JSON.stringify(conf), held: former?.held ?? [] };
  if (config.ranges.length > 0 && former?.conf !== record.conf) await hold(journal, record);
  await using ipam = await host.open(config, world, log);
  let assigned: Assigned[];
  let mayHold = false;
  try {
    assigned = await allocate(ipam, await sliced(call, ipam, config), owner, signal, {
      onWrite: () => mayHold = true,
      onLeft: (held) => record = { ...record, held },
    });
  } catch (error) {
    if (!former) await afterFailure(journal, record, mayHold && mayPass(error, signal));
    throw error;
  }
  if (assigned.length > 0) await gain(journal, request, assigned, log);
  return await renderResult(
    { ips: [...assigned, ...config.addresses], routes: config.routes, dns: config.dns },
    request.cniVersion,
  );
}

/** What an earlier ADD of the same attachment was given. It is in use, so a repeated one that fails takes nothing back. */
async function formerRecord(journal: Journal | undefined, attachment: Attachment): Promise<JournalRecord | undefined> {
  const record = await journal?.find(attachment);
  return record && record.held.length > 0 && !await journal?.isPending(attachment) ? record : undefined;
}

/** What the node does not remember it can neither collect nor release while the store is away: without the note, nothing is given. */
async function hold(journal: Journal | undefined, record: JournalRecord): Promise<void> {
  try {
    await journal?.hold(record);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CniError(
      CODES.io,
      `Cannot write the node's journal, so nothing was allocated: ${reason}; ` +
        "free space there, or name another folder in WHEREABOUTS_JOURNAL, or off",
    );
  }
}

/** The attachment is noted already, so this saves its release a look and nothing else. */
async function gain(
  journal: Journal | undefined,
  attachment: Attachment,
  assigned: readonly Assigned[],
  log: Logger,
): Promise<void> {
  await journal?.gain(attachment, assigned.map(({ held }) => held)).catch((error) =>
    log.error("Cannot note in the node's journal what was given", { error: String(error) })
  );
}

/** Whether a write may be stored although its answer was a failure. */
function mayPass(error: unknown, signal: AbortSignal): boolean {
  return error instanceof UnavailableError || error instanceof ConflictError || signal.aborted;
}

/**
 * What a store that did not answer may have stored is released later. Where it answered, the call released everything itself; where nothing
 * was sent, there is nothing to release.
 */
async function afterFailure(journal: Journal | undefined, record: JournalRecord, mayHold: boolean): Promise<void> {
  await (mayHold ? journal?.promise(record) : journal?.forget(record))?.catch(() => {});
}
