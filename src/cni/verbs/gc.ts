/**
 * GC: attachments of this node that the runtime does not know any more go back. The runtime speaks of its own node only, so what is
 * freed is what this node's journal says it gave.
 *
 * @module
 */
import type { JournalRecord } from "../../journal/record.ts";
import { SILENT } from "../../world/log.ts";
import { type Call, configure } from "../call.ts";
import { CniError, CODES } from "../error.ts";
import { attachmentTurn } from "../turn.ts";
import { deliver } from "./del.ts";

/** Where the list is: the specification's key, then the one of its drafts. */
const KEYS = ["cni.dev/valid-attachments", "cni.dev/attachments"] as const;

/**
 * Serves GC.
 *
 * @throws {CniError} code 7: no list, or one that cannot be read
 * @throws {AggregateError} attachments that could not be released; the others were
 */
export async function gc(call: Call): Promise<string> {
  const { request, world, host } = call;
  const valid = validAttachments(request.conf);
  const journal = host.journal(world, SILENT);
  if (!journal) {
    throw new CniError(CODES.config, "Cannot collect garbage: this node keeps no journal (WHEREABOUTS_JOURNAL is off)");
  }
  const known = [...await journal.held(), ...await journal.pending()];
  const stale = known.filter((record) =>
    record.network === request.network && !valid.has(attachmentKey(record.containerId, record.ifName))
  );
  const failures: unknown[] = [];
  for (const record of stale) {
    try {
      using _turn = await attachmentTurn(world, record, call.signal);
      await releaseRecord(call, record);
      await journal.forget(record);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) {
    throw new AggregateError(failures, `Cannot release ${failures.length} of ${stale.length} stale attachments`);
  }
  return "";
}

/** Releases what a record says, by the configuration it was given under. */
export async function releaseRecord(call: Call, record: JournalRecord): Promise<void> {
  const { containerId, ifName, network } = record;
  const own: Call = { ...call, request: { ...call.request, containerId, ifName, network, args: {} } };
  await deliver(own, await configure(own, JSON.parse(record.conf)), record);
}

function validAttachments(conf: Readonly<Record<string, unknown>>): ReadonlySet<string> {
  const key = KEYS.find((one) => conf[one] !== undefined && conf[one] !== null);
  if (!key) {
    throw new CniError(
      CODES.config,
      `Missing ${KEYS[0]} in the network configuration: GC needs the list of valid attachments`,
    );
  }
  const list = conf[key];
  if (!Array.isArray(list)) throw new CniError(CODES.config, `Cannot read ${key}: wanted a list`);
  return new Set(list.map((one, i) => {
    const { containerID, ifname } = one ?? {};
    if (typeof containerID === "string" && typeof ifname === "string") return attachmentKey(containerID, ifname);
    throw new CniError(CODES.config, `Cannot read ${key}[${i}]: wanted an object with containerID and ifname`);
  }));
}

function attachmentKey(containerId: string, ifName: string): string {
  return `${containerId}:${ifName}`;
}
