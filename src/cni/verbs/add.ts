/**
 * ADD: allocates an address of each range, and records them in the node's journal.
 *
 * @module
 */
import { isSpread } from "../../config/blocks.ts";
import { markNodeLocal } from "../../config/node_local.ts";
import { ConflictError, UnavailableError } from "../../storage/driver.ts";
import { allocate, type Assigned } from "../../ipam/allocate.ts";
import { type Journal, lockAttachment } from "../../journal/journal.ts";
import { formatIp } from "../../address/ip.ts";
import type { IpamConfig } from "../../config/types.ts";
import { nodeName } from "../../config/node.ts";
import { entryFields, type RecordedEntry } from "../../ipam/recorded.ts";
import { recordedConf, recordedStore } from "../../journal/facts.ts";
import { namespaceExists } from "../../journal/namespace.ts";
import { encodeRecord, type JournalRecord, recordName } from "../../journal/record.ts";
import { formatPoolKey, type Owner, ownsEntry, type PoolKey, sameInterface } from "../../pool/types.ts";
import type { Logger } from "../../world/log.ts";
import {
  configureRequest,
  elasticSlices,
  ownerOf,
  refuseWithoutJournal,
  type RequestContext,
  sliced,
} from "../context.ts";
import { CniError, CODES } from "../error.ts";
import { attend } from "../keeper.ts";
import { renderResult } from "../result.ts";
import { messageOf } from "../../values/errors.ts";

/**
 * Serves ADD.
 *
 * @throws {CniError} code 5: the journal cannot be written; code 7: no range, and no requested address; what `attend` throws
 */
export async function add(context: RequestContext): Promise<string> {
  const { request, host, signal } = context;
  const { config, log } = await configureRequest(context);
  if (config.ranges.length + config.addresses.length === 0) {
    throw new CniError(
      CODES.config,
      "Nothing to allocate: the network has no range, and this call requests no address",
    );
  }
  refuseWithoutJournal(context, config);
  const owner = await ownerOf(context, config);
  if (request.args.podName !== undefined) await markStore(context, config, owner.podRef, log);
  using _lock = await lockAttachment(host, request, signal);
  const journal = host.journal(log);
  const found = await journal?.find(request);
  const existing = await existingRecord(journal, found);
  const pools = existing ? existing.pools : poolsIn(found);
  let record: JournalRecord = {
    ...recordOf(context, config, owner, existing?.entries ?? []),
    ...(pools?.length && { pools }),
  };
  const isRecorded = existing && encodeRecord(existing) === encodeRecord(record);
  if (config.ranges.length > 0 && !isRecorded) await recordAttachment(journal, record);
  await using ipam = await host.open(config, log, signal);
  let assigned: Assigned[];
  let hasWritten = false;
  let hasUnreleased = false;
  try {
    const { owner: attended, ...options } = await attend(context, ipam, config, owner);
    let recorded = Promise.resolve(); // one after another: the last line of a record counts
    const recordPool = async (key: PoolKey) => {
      const next = withPool(record, key);
      if (next === record) return await recorded;
      record = next;
      await (recorded = recorded.then(() => writeJournal(() => journal?.setPools(next))));
    };
    const slices = config.nodeSliceElastic &&
      await elasticSlices(context, ipam, config, { recorded: poolsIn(found), ...(journal && { record: recordPool }) });
    assigned = await allocate(ipam, slices ? config : await sliced(context, ipam, config), attended, signal, {
      ...options,
      recorded: poolsIn(found),
      ...(isSpread(config) && { node: await nodeName(host.world, config) }),
      ...(slices && { slices }),
      onWrite: () => hasWritten = true,
      onBlock: recordPool,
      onUnreleased: (entries) => {
        record = { ...record, entries };
        hasUnreleased = true;
      },
      isUsed: (entry) => isUsedHere(context, journal, record, entry, log),
    });
  } catch (error) {
    // a record without entries is that of an earlier call which did not end: this one undid only what it wrote itself
    const mayHaveEntry = hasUnreleased || found !== undefined || (hasWritten && mayBeStored(error, signal));
    if (!existing) await recordFailure(journal, record, mayHaveEntry);
    throw error;
  }
  if (assigned.length > 0) {
    const entries = assigned.map(({ entry }) => entry);
    const { pools: _, ...others } = record; // all that the call wrote is known now
    await recordEntries(journal, { ...others, entries }, log);
    journal?.note("allocated", { ...entryFields(entries), network: request.network });
  }
  return renderResult(
    { ips: [...assigned, ...config.addresses], routes: config.routes, dns: config.dns },
    request.cniVersion,
  );
}

/** Marks an embedded store that a pod uses: other nodes may allocate the same addresses, so `check`, the agent and the installer report it. */
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
  if (isNew) log.warn("Pods use this node's own database; other nodes may allocate the same addresses", store);
}

/** The record of an earlier ADD of the same attachment. Its addresses are in use, so a repeated ADD that fails does not release them. */
async function existingRecord(
  journal: Journal | undefined,
  record: JournalRecord | undefined,
): Promise<JournalRecord | undefined> {
  return record && record.entries.length > 0 && !await journal?.isPending(record) ? record : undefined;
}

/** The pools that may have entries of an attachment: an earlier ADD wrote to them, or was about to. */
function poolsIn(record: JournalRecord | undefined): PoolKey[] {
  const keys = [...record?.pools ?? [], ...record?.entries.map(({ key }) => key) ?? []];
  return [...new Map(keys.map((key) => [formatPoolKey(key), key])).values()];
}

/**
 * The record with a pool that may have an entry. It is written before the entry: a release finds that only by the record, or by a search of
 * every block.
 */
function withPool(record: JournalRecord, key: PoolKey): JournalRecord {
  const { pools = [] } = record;
  return pools.some((one) => formatPoolKey(one) === formatPoolKey(key))
    ? record
    : { ...record, pools: [...pools, key] };
}

/**
 * Records the attachment before anything is allocated: without a record the node can neither collect its addresses nor keep their release
 * pending while the store is unavailable.
 *
 * @throws {CniError} code 5: the journal cannot be written
 */
async function recordAttachment(journal: Journal | undefined, record: JournalRecord): Promise<void> {
  await writeJournal(() => journal?.create(record));
}

/** @throws {CniError} code 5: the journal cannot be written */
async function writeJournal(write: () => Promise<void> | undefined): Promise<void> {
  try {
    await write();
  } catch (error) {
    const reason = messageOf(error);
    throw new CniError(
      CODES.io,
      `Cannot write the node's journal, so nothing was allocated: ${reason}; ` +
        "free space there, or name another folder in WHEREABOUTS_JOURNAL, or off",
    );
  }
}

/**
 * Whether another attachment of this node still uses the address although the store records it as free, or as the owner's own: the store lost
 * the entry, and a store that was restored from an older copy may contain one of a former owner. A former sandbox of the same interface,
 * or one that had the address by the same keeper, is not another attachment.
 */
async function isUsedHere(
  { host }: RequestContext,
  journal: Journal | undefined,
  { store, ...attachment }: JournalRecord,
  entry: RecordedEntry,
  log: Logger,
): Promise<boolean> {
  const holder = store && await journal?.findHolder(store, entry);
  if (!holder || recordName(holder) === recordName(attachment)) return false;
  const { address } = entry.allocation;
  if (
    holder.entries.some(({ allocation }) =>
      allocation.address === address &&
      (ownsEntry(allocation, entry.allocation) || sameInterface(allocation, entry.allocation))
    )
  ) {
    return false;
  }
  if (!await namespaceExists(host.world, holder)) return false;
  log.warn("The store lost the entry of an address that a pod of this node uses; another address is allocated", {
    ip: formatIp({ family: entry.key.cidr.family, value: entry.allocation.address }),
    pool: formatPoolKey(entry.key),
    container: holder.containerId,
    if: holder.ifName,
  });
  host.entryLost?.();
  return true;
}

/**
 * Adds the entries to the record, so that a release need not search for them and a lost entry can be recreated. A failure is only logged,
 * because the attachment is recorded already.
 */
async function recordEntries(journal: Journal | undefined, record: JournalRecord, log: Logger): Promise<void> {
  await journal?.setEntries(record).catch((error) =>
    log.error("Cannot record the allocated addresses in the node's journal", { error: String(error) })
  );
}

/** Whether the store may contain a write that failed. */
function mayBeStored(error: unknown, signal: AbortSignal): boolean {
  return error instanceof UnavailableError || error instanceof ConflictError || signal.aborted;
}

/**
 * Keeps a release pending if the store may contain an entry. Otherwise there is nothing to release: either the store answered and the call
 * released everything, or the call wrote nothing.
 */
async function recordFailure(
  journal: Journal | undefined,
  record: JournalRecord,
  mayHaveEntry: boolean,
): Promise<void> {
  const update = async () => {
    if (!mayHaveEntry) await journal?.remove(record);
    else if (record.withoutSecret) await journal?.create(record); // DEL has the secret, a pending release does not
    else await journal?.markPending(record);
  };
  await update().catch(() => {});
}

function recordOf(
  { request }: RequestContext,
  { datastore }: IpamConfig,
  { node, uid }: Owner,
  entries: readonly RecordedEntry[],
): JournalRecord {
  const { network, containerId, ifName, netns } = request;
  const { conf, withoutSecret } = recordedConf(request.conf);
  return {
    network,
    containerId,
    ifName,
    conf,
    entries,
    ...(netns !== undefined && { netns }),
    ...(node !== undefined && { node }),
    ...(uid !== undefined && { uid }),
    store: recordedStore(datastore),
    ...(withoutSecret && { withoutSecret }),
  };
}
