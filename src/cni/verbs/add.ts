/**
 * ADD: an address of each range, and a note of it in the node's journal.
 *
 * @module
 */
import { markNodeLocal } from "../../config/node_local.ts";
import { ConflictError, UnavailableError } from "../../storage/driver.ts";
import { allocate, type Assigned } from "../../ipam/allocate.ts";
import type { Journal } from "../../journal/journal.ts";
import { formatIp } from "../../address/ip.ts";
import type { IpamConfig } from "../../config/types.ts";
import type { RecordedEntry } from "../../ipam/recorded.ts";
import { recordedConf, recordedStore } from "../../journal/facts.ts";
import { lockAttachment } from "../../journal/lock.ts";
import { namespaceExists } from "../../journal/namespace.ts";
import { type Attachment, encodeRecord, type JournalRecord, recordName } from "../../journal/record.ts";
import { formatPoolKey, type Owner, sameInterface } from "../../pool/types.ts";
import type { Logger } from "../../world/log.ts";
import { configureRequest, ownerOf, type RequestContext, sliced } from "../context.ts";
import { CniError, CODES } from "../error.ts";
import { renderResult } from "../result.ts";

/** Serves ADD. */
export async function add(context: RequestContext): Promise<string> {
  const { request, host, signal } = context;
  const { config, log } = await configureRequest(context);
  if (config.ranges.length + config.addresses.length === 0) {
    throw new CniError(
      CODES.config,
      "Missing an address to give: the network has no range, and this call requests none",
    );
  }
  const owner = await ownerOf(context, config);
  if (request.args.podName !== undefined) await markStore(context, config, owner.podRef, log);
  using _lock = await lockAttachment(host, request, signal);
  const journal = host.journal(log);
  const former = await formerRecord(journal, request);
  let record = recordOf(context, config, owner, former?.held ?? []);
  const known = former && encodeRecord(former) === encodeRecord(record);
  if (config.ranges.length > 0 && !known) await hold(journal, record);
  await using ipam = await host.open(config, log, signal);
  let assigned: Assigned[];
  let mayHold = false;
  let left = false;
  try {
    assigned = await allocate(ipam, await sliced(context, ipam, config), owner, signal, {
      onWrite: () => mayHold = true,
      onUnreleased: (held) => {
        record = { ...record, held };
        left = true;
      },
      isUsed: (held) => isUsedHere(context, journal, record, held, log),
    });
  } catch (error) {
    if (!former) await afterFailure(journal, record, left || (mayHold && mayPass(error, signal)));
    throw error;
  }
  if (assigned.length > 0) await gain(journal, { ...record, held: assigned.map(({ entry }) => entry) }, log);
  return renderResult(
    { ips: [...assigned, ...config.addresses], routes: config.routes, dns: config.dns },
    request.cniVersion,
  );
}

/** Pods that get addresses of the node's own store may meet those of other nodes: `check`, the agent and the installer report it. */
async function markStore(
  { host: { world } }: RequestContext,
  { datastore, network }: IpamConfig,
  pod: string,
  log: Logger,
): Promise<void> {
  if (datastore.kind !== "embedded") return;
  const store = { database: datastore.path, network, pod };
  const isNew = await markNodeLocal(world, store).catch((error) => {
    log.warn("Cannot mark the node's own database as used by pods", { ...store, error: String(error) });
    return false;
  });
  if (isNew) log.warn("Pods get addresses of this node's own database: other nodes may give the same ones", store);
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

/**
 * Whether another attachment of this node was given the address and still runs, although the store calls the address free, or the owner's own:
 * its entry was lost, and a store that was set back may hold a former owner's. A former sandbox of the same interface is no other.
 */
async function isUsedHere(
  { host }: RequestContext,
  journal: Journal | undefined,
  { store, ...attachment }: JournalRecord,
  held: RecordedEntry,
  log: Logger,
): Promise<boolean> {
  const holder = store && await journal?.findHolder(store, held);
  if (!holder || recordName(holder) === recordName(attachment)) return false;
  const { address } = held.allocation;
  if (
    holder.held.some(({ allocation }) => allocation.address === address && sameInterface(allocation, held.allocation))
  ) {
    return false;
  }
  if (!await namespaceExists(host.world, holder)) return false;
  log.warn("The store lost the entry of an address that a pod of this node uses; another address is allocated", {
    ip: formatIp({ family: held.key.cidr.family, value: held.allocation.address }),
    pool: formatPoolKey(held.key),
    container: holder.containerId,
    if: holder.ifName,
  });
  host.entryLost?.();
  return true;
}

/** The attachment is noted already: this saves its release a look, and is what a lost entry is recreated from. */
async function gain(journal: Journal | undefined, record: JournalRecord, log: Logger): Promise<void> {
  await journal?.gain(record).catch((error) =>
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
  const note = async () => {
    if (!mayHold) await journal?.forget(record);
    else if (record.withoutSecret) await journal?.hold(record); // DEL brings the secret, a pending release has none
    else await journal?.markPending(record);
  };
  await note().catch(() => {});
}

function recordOf(
  { request }: RequestContext,
  { datastore }: IpamConfig,
  { node, uid }: Owner,
  held: readonly RecordedEntry[],
): JournalRecord {
  const { network, containerId, ifName, netns } = request;
  const { conf, withoutSecret } = recordedConf(request.conf);
  return {
    network,
    containerId,
    ifName,
    conf,
    held,
    ...(netns !== undefined && { netns }),
    ...(node !== undefined && { node }),
    ...(uid !== undefined && { uid }),
    store: recordedStore(datastore),
    ...(withoutSecret && { withoutSecret }),
  };
}
