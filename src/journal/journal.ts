/**
 * The node's journal: one file per attachment, in `attachments/` while it is in use, in `releasing/` while its release is pending. A change
 * of state writes the new file before it removes the old one, so that no attachment is lost. In `addresses/`, one file per address names
 * the record of the attachment that got it last, so that a search by address does not read all records.
 *
 * The writes of an ADD survive the death of the process, but not a power failure: that ends the pods too, and the runtime's DEL and the
 * sweep find their addresses. A pending release is synced to disk, because the runtime may have got success for it.
 *
 * @module
 */
import type { LogFields, Logger } from "../world/log.ts";
import { DATA_FOLDER } from "../paths.ts";
import type { Lock, World } from "../world/world.ts";
import type { RecordedEntry } from "../ipam/recorded.ts";
import type { RecordedStore } from "./facts.ts";
import { appendEvent, hasEnded, type HistoryEvent } from "./history.ts";
import {
  addressName,
  type Attachment,
  decodeRecord,
  encodeEntries,
  encodeRecord,
  type JournalRecord,
  recordName,
} from "./record.ts";

/** Default folder of the journal; `WHEREABOUTS_JOURNAL` names another. */
export const DEFAULT_JOURNAL = DATA_FOLDER;

/** Max pending releases of a node, and max characters of each: 64 MiB in all. */
const PENDING = { count: 4_096, length: 16_384 };

/** The journal of a node. Failed writes reject; records that cannot be read are logged and skipped. */
export interface Journal {
  /** Creates the record of an attachment, before the store is changed. Replaces an existing one and its pending release. */
  create(record: JournalRecord): Promise<void>;
  /** Records the entries of a recorded attachment, and the pools that may have further ones. Readers skip a line that a crash cut off. */
  setEntries(record: JournalRecord): Promise<void>;
  /** Records the pools that may have further entries of a recorded attachment, before the first write to them. */
  setPools(record: JournalRecord): Promise<void>;
  /** The record of an attachment, in use or with a pending release. */
  find(attachment: Attachment): Promise<JournalRecord | undefined>;
  /** The attachment of this node that got the address last. Reads no other records. */
  findHolder(store: RecordedStore, entry: RecordedEntry): Promise<JournalRecord | undefined>;
  /** Records that the addresses of an attachment are about to be released: {@linkcode Journal.findHolder} no longer finds it. */
  beginRelease(record: JournalRecord): Promise<void>;
  /**
   * Marks the release of an attachment as pending: durable when it resolves.
   *
   * @throws {RangeError} the journal has the max number of pending releases, or the record is too long for one
   */
  markPending(record: JournalRecord): Promise<void>;
  /** Removes the record of an attachment whose addresses are released. */
  remove(attachment: Attachment): Promise<void>;
  /** All attachments in use. */
  inUse(): Promise<JournalRecord[]>;
  /** Attachments with a pending release: all, or a random sample of up to `max`. */
  pending(max?: number): Promise<JournalRecord[]>;
  /** The number of pending releases. */
  countPending(): Promise<number>;
  /** Whether the release of this attachment is pending. */
  isPending(attachment: Attachment): Promise<boolean>;
  /**
   * Whether nothing of an attachment is left: it has no record, and the history shows that it was released, or that its ADD failed. Runtimes
   * repeat DELs.
   */
  hasEnded(attachment: Attachment): Promise<boolean>;
  /** Appends an event to the node's history. Never throws. */
  note(event: HistoryEvent, fields: LogFields): void;
}

/** Up to `max` names of a list, each with the same probability. */
function sample(names: string[], max: number, { random }: Pick<World, "random">): string[] {
  if (names.length <= max) return names;
  for (let i = 0; i < max; i++) {
    const other = i + Math.floor(random() * (names.length - i));
    [names[i], names[other]] = [names[other] ?? "", names[i] ?? ""];
  }
  return names.slice(0, max);
}

/** @throws {RangeError} there are too many others, or it is too long */
function checkPending(text: string, name: string, names: readonly string[]): void {
  if (text.length > PENDING.length) throw new RangeError(`A pending release has ${PENDING.length} characters at most`);
  if (names.length < PENDING.count || names.includes(name)) return;
  throw new RangeError(`The journal has ${names.length} pending releases, and takes no more`);
}

/** The journal in a folder. */
export function folderJournal(folder: string, world: World, log: Logger): Journal {
  const attachments = `${folder}/attachments`;
  const releasing = `${folder}/releasing`;
  const addresses = `${folder}/addresses`;
  const read = async (path: string): Promise<JournalRecord | undefined> => {
    const text = await world.readTextFile(path).catch(() => undefined);
    if (text === undefined) return undefined;
    const record = decodeRecord(text);
    if (!record) log.error("Journal record cannot be read; the sweep finds its addresses", { path });
    return record;
  };
  const list = async (place: string) => (await world.listFolder(place)).filter((name) => name.endsWith(".json"));
  const all = async (place: string, max = Number.POSITIVE_INFINITY) => {
    const names = sample(await list(place), max, world);
    const records = await Promise.all(names.map((name) => read(`${place}/${name}`)));
    return records.filter((record) => record !== undefined);
  };
  return {
    create: async (record) => {
      const name = recordName(record);
      await world.writeFile(`${attachments}/${name}`, encodeRecord(record), { durable: false });
      await world.remove(`${releasing}/${name}`);
    },
    setEntries: async (record) => {
      const name = recordName(record);
      await world.appendTextFile(`${attachments}/${name}`, encodeEntries(record));
      for (const entry of record.entries) {
        await world.writeFile(`${addresses}/${addressName(record.store, entry)}`, name, { durable: false });
      }
    },
    setPools: async (record) => {
      await world.appendTextFile(`${attachments}/${recordName(record)}`, encodeEntries(record));
    },
    find: async (attachment) => {
      const name = recordName(attachment);
      return await read(`${attachments}/${name}`) ?? await read(`${releasing}/${name}`);
    },
    findHolder: async (store, entry) => {
      const name = await world.readTextFile(`${addresses}/${addressName(store, entry)}`).catch(() => undefined);
      const record = name === undefined || name.includes("/") ? undefined : await read(`${attachments}/${name}`);
      const hasAddress = ({ allocation }: RecordedEntry) => allocation.address === entry.allocation.address;
      return record?.entries.some(hasAddress) ? record : undefined;
    },
    beginRelease: async (record) => {
      for (const entry of record.entries) {
        const path = `${addresses}/${addressName(record.store, entry)}`;
        const name = await world.readTextFile(path).catch(() => undefined);
        if (name === recordName(record)) await world.remove(path);
      }
    },
    markPending: async (record) => {
      const name = recordName(record);
      const text = encodeRecord({ pendingSince: world.now(), ...record });
      checkPending(text, name, await list(releasing));
      await world.writeFile(`${releasing}/${name}`, text, { durable: true });
      await world.remove(`${attachments}/${name}`);
    },
    remove: async (attachment) => {
      const name = recordName(attachment);
      await world.remove(`${attachments}/${name}`);
      await world.remove(`${releasing}/${name}`);
    },
    inUse: () => all(attachments),
    pending: (max) => all(releasing, max),
    countPending: async () => (await list(releasing)).length,
    isPending: (attachment) => world.exists(`${releasing}/${recordName(attachment)}`),
    hasEnded: (attachment) => isOver(world, folder, attachment),
    note: (event, fields) => appendEvent(world, folder, event, fields),
  };
}

/** Whether the journal in a folder has no record of an attachment, and the history its end. */
async function isOver(world: World, folder: string, attachment: Attachment): Promise<boolean> {
  for (const state of ["attachments", "releasing"]) {
    if (await world.exists(`${folder}/${state}/${recordName(attachment)}`)) return false;
  }
  return await hasEnded(world, folder, attachment);
}

/** Serializes ADD, DEL and pending release of one attachment. Other attachments do not wait. */
export function lockAttachment(
  { lock }: Pick<World, "lock">,
  attachment: Attachment,
  signal: AbortSignal,
): Promise<Lock | undefined> {
  return lock(`attachment:${recordName(attachment)}`, signal);
}
