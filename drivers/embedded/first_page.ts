/**
 * Reads the first page of a SQLite file as a reader would see it, including its write-ahead log, without SQLite: SQLite creates and changes
 * files beside a database even to read it. The page holds the header and the schema, or the start of a long one.
 * https://sqlite.org/fileformat.html
 *
 * @module
 */

/** A table, index, view or trigger. */
interface SchemaEntry {
  /** `table`, `index`, `view` or `trigger`. */
  readonly type: string;
  /** Its name. */
  readonly name: string;
  /** The statement that creates it, or the start of a long one. */
  readonly sql: string;
}

/** The content of the first page. */
export interface FirstPage {
  /** `PRAGMA application_id`. */
  readonly applicationId: number;
  /** `PRAGMA user_version`. */
  readonly userVersion: number;
  /** The schema; undefined if it does not fit into the page, or is damaged. */
  readonly schema: readonly SchemaEntry[] | undefined;
}

const MAGIC = "SQLite format 3\0";
/** Bytes of a database's header. */
const HEADER = 100;
/** Bytes of the header of a log, and of each of its frames. */
const [LOG_HEADER, FRAME_HEADER] = [32, 24];
/** Magic numbers of a log, in hexadecimal. */
export const LOG_MAGIC = /^377f068[23]/;
/** Max frames of a log that are read. SQLite restarts a log after 1,000 frames unless a reader stays for long. */
const MAX_FRAMES = 100_000;
/** Type of the page of a table that needs only one. */
const LEAF = 13;

/**
 * Reads the first page of a database, from the file and its log.
 *
 * @param mark an `application_id` that a file never loses: if the file has it, its log, which may be long, is not read
 * @returns undefined if the file is not a SQLite database
 */
export function readFirstPage(path: string, log: string, mark: number): FirstPage | undefined {
  using file = Deno.openSync(path);
  const header = readNext(file, HEADER);
  if (!header || new TextDecoder().decode(header.subarray(0, MAGIC.length)) !== MAGIC) return undefined;
  const size = viewOf(header).getUint16(16);
  const pageSize = size === 1 ? 65_536 : size; // the field is too small for 65536
  const rest = pageSize < 512 ? undefined : readNext(file, pageSize - HEADER);
  if (!rest) return undefined;
  const isMarked = viewOf(header).getUint32(68) === mark;
  const page = (isMarked ? undefined : lastCommitted(log, pageSize)) ?? Uint8Array.from([...header, ...rest]);
  const view = viewOf(page);
  return { userVersion: view.getUint32(60), applicationId: view.getUint32(68), schema: schemaOf(page) };
}

/** The last committed version of the first page in the log. */
function lastCommitted(log: string, pageSize: number): Uint8Array | undefined {
  using file = openIfPresent(log);
  const header = file && readNext(file, LOG_HEADER);
  if (!file || !header || !LOG_MAGIC.test(header.toHex())) return undefined;
  const salts = header.subarray(16, 24).toHex();
  let committed: Uint8Array | undefined;
  let written: Uint8Array | undefined;
  for (let i = 0; i < MAX_FRAMES; i++) {
    const frame = readNext(file, FRAME_HEADER);
    const page = frame && readNext(file, pageSize);
    if (!page || frame.subarray(8, 16).toHex() !== salts) break; // the rest was written before the log restarted
    if (viewOf(frame).getUint32(0) === 1) written = page;
    if (viewOf(frame).getUint32(4) !== 0) committed = written; // the frame ends a transaction
  }
  return committed;
}

function schemaOf(page: Uint8Array): SchemaEntry[] | undefined {
  const view = viewOf(page);
  if (page[HEADER] !== LEAF) return undefined;
  const encoding = ["utf-8", "utf-8", "utf-16le", "utf-16be"][view.getUint32(56)] ?? "utf-8";
  try {
    const cells = Array.from({ length: view.getUint16(HEADER + 3) }, (_, i) => view.getUint16(HEADER + 8 + 2 * i));
    return cells.map((at) => entryOf(page, at, new TextDecoder(encoding)));
  } catch (error) {
    if (error instanceof RangeError) return undefined; // a cell points outside the page
    throw error;
  }
}

/** Reads a cell: its size, its row id, then a record of five columns: a header with the type of each, and their values. */
function entryOf(page: Uint8Array, at: number, decoder: TextDecoder): SchemaEntry {
  const next = () => {
    const [value, length] = varint(page, at);
    at += length;
    return value;
  };
  next();
  next();
  const start = at;
  const body = start + next();
  const lengths = Array.from({ length: 5 }, next).map((type) => type < 12 ? type : Math.floor((type - 12) / 2));
  const [type = "", name = "", , , sql = ""] = lengths.map((length, i) => {
    const from = body + lengths.slice(0, i).reduce((sum, one) => sum + one, 0);
    return decoder.decode(page.subarray(from, from + length));
  });
  return { type, name, sql };
}

/** Reads a number of 7 bits per byte, up to the first byte without the highest bit. A number of more than 4 bytes exceeds any page. */
function varint(page: Uint8Array, at: number): [value: number, length: number] {
  let value = 0;
  for (let i = 0; i < 4; i++) {
    const byte = page[at + i];
    if (byte === undefined) break;
    value = value * 128 + (byte & 127);
    if (byte < 128) return [value, i + 1];
  }
  throw new RangeError("No such number in a page");
}

/** @returns undefined if fewer bytes follow */
function readNext(file: Deno.FsFile, length: number): Uint8Array | undefined {
  const buffer = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = file.readSync(buffer.subarray(at));
    if (count === null) return undefined;
    at += count;
  }
  return buffer;
}

function openIfPresent(path: string): Deno.FsFile | undefined {
  try {
    return Deno.statSync(path).isFile ? Deno.openSync(path) : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
