/**
 * GC: releases the attachments of this node that the runtime no longer lists. The list covers this node only, so GC releases only what this
 * node's journal records.
 *
 * @module
 */
import { quietly, releaseByRecord } from "../../journal/release.ts";
import { lockAttachment } from "../../journal/journal.ts";
import type { JournalRecord } from "../../journal/record.ts";
import { recordedConf } from "../../journal/facts.ts";
import { namespaceExists } from "../../journal/namespace.ts";
import { makeLogger } from "../../world/log.ts";
import type { RequestContext } from "../context.ts";
import { CniError, CODES } from "../error.ts";

/** Keys of the list: the specification's, then that of its drafts. */
const KEYS = ["cni.dev/valid-attachments", "cni.dev/attachments"] as const;

/**
 * Serves GC.
 *
 * @throws {CniError} code 7: the list is missing or invalid, or the node keeps no journal
 * @throws {AggregateError} some attachments could not be released; the others were released
 */
export async function gc(context: RequestContext): Promise<string> {
  const { request, host, signal } = context;
  const valid = validAttachments(request.conf);
  const log = makeLogger(host.world, { level: "error" });
  const journal = host.journal(log);
  if (!journal) {
    throw new CniError(CODES.config, "Cannot collect garbage: this node keeps no journal (WHEREABOUTS_JOURNAL is off)");
  }
  const records = [...await journal.inUse(), ...await journal.pending()];
  const stale: JournalRecord[] = [];
  for (const record of records) {
    if (record.network !== request.network || valid.has(attachmentKey(record.containerId, record.ifName))) continue;
    if (await isOfNetwork(context, valid, record)) stale.push(record);
  }
  const failures: unknown[] = [];
  for (const record of stale) {
    try {
      using _lock = await lockAttachment(host, record, signal);
      await quietly(() => journal.beginRelease(record), log);
      await releaseByRecord(host, request.conf, record, signal);
      await quietly(() => journal.remove(record), log);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) {
    throw new AggregateError(failures, `Cannot release ${failures.length} of ${stale.length} stale attachments`);
  }
  return "";
}

/**
 * Whether a record belongs to the network of the list. Networks may have the same name, so their `ipam` is compared. If it differs, or the list
 * has the container with another interface only, the attachment may be another network's, and is released only if its sandbox is known to
 * be deleted.
 */
async function isOfNetwork(
  { request, host }: RequestContext,
  valid: ReadonlySet<string>,
  record: JournalRecord,
): Promise<boolean> {
  const ipamOf = (conf: Record<string, unknown>) => JSON.stringify(JSON.parse(recordedConf(conf).conf).ipam);
  const { containerId, netns } = record;
  const otherInterface = [...valid].some((key) => key.startsWith(attachmentKey(containerId, "")));
  if (!otherInterface && ipamOf(JSON.parse(record.conf)) === ipamOf(request.conf)) return true;
  return netns !== undefined && !await namespaceExists(host.world, record);
}

/** The attachments of the list. `null` is an empty list: CNI's library encodes a nil slice as `null`. */
function validAttachments(conf: Readonly<Record<string, unknown>>): ReadonlySet<string> {
  const keys = KEYS.filter((one) => conf[one] !== undefined);
  const [key] = [...keys.filter((one) => conf[one] !== null), ...keys];
  if (!key) {
    throw new CniError(
      CODES.config,
      `Missing ${KEYS[0]} in the network configuration: GC needs the list of valid attachments`,
    );
  }
  const list = conf[key] ?? [];
  if (!Array.isArray(list)) throw new CniError(CODES.config, `Cannot read ${key}: expected a list`);
  return new Set(list.map((one, i) => {
    const { containerID, ifname } = one ?? {};
    if (typeof containerID === "string" && typeof ifname === "string") return attachmentKey(containerID, ifname);
    throw new CniError(CODES.config, `Cannot read ${key}[${i}]: expected an object with containerID and ifname`);
  }));
}

function attachmentKey(containerId: string, ifName: string): string {
  return `${containerId}:${ifName}`;
}
