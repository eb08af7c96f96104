/**
 * The node's journal: a file an attachment, in `attachments/` while it is held, in `releasing/` while its release could not be delivered.
 * Moving the file is the change of state, so there is never a moment with two states or none. In `addresses/` a file for each address names
 * the record of the attachment that was given it: what finds it without reading all of them.
 *
 * What is written before an ADD survives the death of the process, not a power failure: that one ends the pods too, and the runtime's
 * DEL and the sweep find what they had. A pending release is synced to the disk: a runtime may have been answered success.
 *
 * @module
 */
import type { Logger } from "../world/log.ts";
import { DATA_FOLDER, type World } from "../world/world.ts";
import type { RecordedEntry } from "../ipam/recorded.ts";
import type { RecordedStore } from "./facts.ts";
import {
  addressName,
  type Attachment,
  decodeRecord,
  encodeGain,
  encodeRecord,
  type JournalRecord,
  recordName,
} from "./record.ts";

/** Where the journal is unless `WHEREABOUTS_JOURNAL` says otherwise. */
export const DEFAULT_JOURNAL = DATA_FOLDER;

/** Pending releases that a node keeps, and characters of each, at most: 64 MiB in all. */
const PENDING = { count: 4_096, length: 16_384 };

/** The journal of a node. Failures to write are errors of the caller's; failures to read are logged and read as nothing. */
export interface Journal {
  /** Notes an attachment before the store is touched. A pending release of it is called off. */
  hold(record: JournalRecord): Promise<void>;
  /** Notes what an attachment that is noted holds now. Half a note that a crash leaves is none. */
  gain(record: JournalRecord): Promise<void>;
  /** What is known of an attachment, held or releasing. */
  find(attachment: Attachment): Promise<JournalRecord | undefined>;
  /** The attachment of this node that was given the address, as the last one. One file is read. */
  findHolder(store: RecordedStore, held: RecordedEntry): Promise<JournalRecord | undefined>;
  /** Notes that an attachment's addresses are about to be released: {@linkcode Journal.findHolder} no longer finds it. */
  leave(record: JournalRecord): Promise<void>;
  /**
   * Notes that the release of an attachment is pending: durable when it resolves.
   *
   * @throws {RangeError} the journal has as many pending releases as it may, or the record is too long for one
   */
  markPending(record: JournalRecord): Promise<void>;
  /** Forgets an attachment whose addresses are given back. */
  forget(attachment: Attachment): Promise<void>;
  /** Every attachment that is held. */
  held(): Promise<JournalRecord[]>;
  /** Attachments whose release is pending: all, or some chosen at random. */
  pending(most?: number): Promise<JournalRecord[]>;
  /** How many there are. */
  countPending(): Promise<number>;
  /** Whether the release of this attachment is pending. */
  isPending(attachment: Attachment): Promise<boolean>;
}

/** Some of a list, each as likely as any other; all of one that is no longer. */
function chosen(names: string[], most: number, { random }: Pick<World, "random">): string[] {
  if (names.length <= most) return names;
  for (let i = 0; i < most; i++) {
    const other = i + Math.floor(random() * (names.length - i));
    [names[i], names[other]] = [names[other] ?? "", names[i] ?? ""];
  }
  return names.slice(0, most);
}

/** @throws {RangeError} there are too many beside it, or it is too long */
function checkPending(text: string, name: string, names: readonly string[]): void {
  if (text.length > PENDING.length) throw new RangeError(`A pending release has ${PENDING.length} characters at most`);
  if (names.length < PENDING.count || names.includes(name)) return;
  throw new RangeError(`The journal has ${names.length} pending releases, and takes no more`);
}

/** The journal in a folder. */
export function folderJournal(folder: string, world: World, log: Logger): Journal {
  const held = `${folder}/attachments`;
  const releasing = `${folder}/releasing`;
  const addresses = `${folder}/addresses`;
  const read = async (path: string): Promise<JournalRecord | undefined> => {
    const text = await world.readTextFile(path).catch(() => undefined);
    if (text === undefined) return undefined;
    const record = decodeRecord(text);
    if (!record) log.error("Journal record cannot be read; the sweep finds what it held", { path });
    return record;
  };
  const list = async (place: string) => (await world.listFolder(place)).filter((name) => name.endsWith(".json"));
  const all = async (place: string, most = Number.POSITIVE_INFINITY) => {
    const names = chosen(await list(place), most, world);
    const records = await Promise.all(names.map((name) => read(`${place}/${name}`)));
    return records.filter((record) => record !== undefined);
  };
  return {
    hold: async (record) => {
      const name = recordName(record);
      await world.writeFile(`${held}/${name}`, encodeRecord(record), { durable: false });
      await world.remove(`${releasing}/${name}`);
    },
    gain: async (record) => {
      const name = recordName(record);
      await world.appendTextFile(`${held}/${name}`, encodeGain(record.held));
      for (const one of record.held) {
        await world.writeFile(`${addresses}/${addressName(record.store, one)}`, name, { durable: false });
      }
    },
    find: async (attachment) => {
      const name = recordName(attachment);
      return await read(`${held}/${name}`) ?? await read(`${releasing}/${name}`);
    },
    findHolder: async (store, one) => {
      const name = await world.readTextFile(`${addresses}/${addressName(store, one)}`).catch(() => undefined);
      const record = name === undefined || name.includes("/") ? undefined : await read(`${held}/${name}`);
      const isOne = ({ allocation }: RecordedEntry) => allocation.address === one.allocation.address;
      return record?.held.some(isOne) ? record : undefined;
    },
    leave: async (record) => {
      for (const one of record.held) {
        const path = `${addresses}/${addressName(record.store, one)}`;
        const name = await world.readTextFile(path).catch(() => undefined);
        if (name === recordName(record)) await world.remove(path);
      }
    },
    markPending: async (record) => {
      const name = recordName(record);
      const text = encodeRecord({ pendingSince: world.now(), ...record });
      checkPending(text, name, await list(releasing));
      await world.writeFile(`${releasing}/${name}`, text, { durable: true });
      await world.remove(`${held}/${name}`);
    },
    forget: async (attachment) => {
      const name = recordName(attachment);
      await world.remove(`${held}/${name}`);
      await world.remove(`${releasing}/${name}`);
    },
    held: () => all(held),
    pending: (most) => all(releasing, most),
    countPending: async () => (await list(releasing)).length,
    isPending: (attachment) => world.exists(`${releasing}/${recordName(attachment)}`),
  };
}
