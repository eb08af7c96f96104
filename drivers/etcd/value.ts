/**
 * A pool's value in etcd: JSON that an operator can read with `etcdctl get`.
 *
 * ```json
 * {"version":1,"write":"5b1f0c2e9a7d4f36","allocations":{"10.0.0.1":{"id":"9f1c","podref":"default/web-0","ifname":"net1"}}}
 * ```
 *
 * An entry may also have `sandbox`, `keeper` and `former` (`storage/facts.ts`).
 *
 * @module
 */
import { type Family, formatIp, parseIp } from "../../src/address/ip.ts";
import { isEmpty, type Reuse } from "../../src/pool/reuse.ts";
import type { Allocation, Change } from "../../src/pool/types.ts";
import { RefusedError } from "../../src/storage/driver.ts";
import { decodeFacts, encodeFacts } from "../../src/storage/facts.ts";
import { decodeReuse, encodeReuse } from "../../src/storage/reuse.ts";

/** Format of the value. */
const VERSION = 1;

/** A decoded value. Unknown members survive a write. */
export interface PoolDocument {
  /** Format. */
  readonly version: number;
  /** Entries by address. */
  readonly allocations: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Rests and rotation, by address (`storage/reuse.ts`). Absent unless the pool's network has these settings. */
  readonly reuse?: unknown;
  /** The move of its entries to, or from, another pool, as text (`pool/move.ts`). Absent: none. */
  readonly move?: unknown;
  /** Whether it is a block of a divided range. Absent: it is none. */
  readonly block?: unknown;
}

/** The value of a pool that does not exist. */
export const EMPTY: PoolDocument = { version: VERSION, allocations: {} };

/** Format of the value of a closed pool: no release reads it as a pool. */
const CLOSED_VERSION = 2;

/** Max bytes of a value: etcd refuses requests over 1.5 MiB. */
const MAX_VALUE = 1_400_000;

/** Bytes of a write's mark: 64 bits. */
const MARK_BYTES = 8;

/**
 * Encodes a value with a new mark for this write.
 *
 * @param what the pool or record of the value, for messages
 * @throws {RefusedError} it is longer than etcd accepts
 */
export function encodeValue(document: PoolDocument, what: string): string {
  const { version, write: _, ...rest } = document as PoolDocument & { readonly write?: unknown };
  const mark = [...crypto.getRandomValues(new Uint8Array(MARK_BYTES))].map((byte) =>
    byte.toString(16).padStart(2, "0")
  );
  const value = JSON.stringify({ version, write: mark.join(""), ...rest });
  if (value.length <= MAX_VALUE) return value;
  throw new RefusedError(`Cannot store ${what}: its value has ${value.length} bytes, etcd takes ${MAX_VALUE}`);
}

/**
 * The beginning of a value, including its mark. Comparisons use it instead of the whole value: an etcd that was restored from a snapshot
 * reuses its revisions, and a request with both the old and the new value would halve the max size of a pool. Undefined if only older
 * releases have written the value.
 */
export function headOf(value: string): string | undefined {
  return /^\{"version":\d+,"write":"[0-9a-f]+"/.exec(value)?.[0];
}

/** Whether the value is that of a closed pool, whose entries move, or have moved, to another store. */
export function isClosed({ version }: PoolDocument): boolean {
  return version === CLOSED_VERSION;
}

/** The value of a closed pool, with its entries. */
export function closedDocument(document: PoolDocument): PoolDocument {
  return { ...document, version: CLOSED_VERSION };
}

/** Keys of the entries that are unreadable: they are not addresses of the family, or the entry is not an object. */
export function oddEntries({ allocations }: PoolDocument, family: Family): string[] {
  return Object.entries(allocations)
    .filter(([address, entry]) => parseIp(address)?.family !== family || !isObject(entry)).map(([address]) => address);
}

/** Decodes a value; undefined if it does not have this format. */
export function decodeValue(text: string): PoolDocument | undefined {
  try {
    const value = JSON.parse(text);
    const known = [VERSION, CLOSED_VERSION].includes(value?.version) && isObject(value.allocations);
    return known ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Reads entries. Keys that are not addresses of the family are skipped; they stay in the value. */
export function toAllocations({ allocations }: PoolDocument, family: Family): Map<bigint, Allocation> {
  const read = new Map<bigint, Allocation>();
  for (const [address, entry] of Object.entries(allocations)) {
    const ip = parseIp(address);
    const { id, podref, ifname } = entry ?? {};
    if (ip?.family !== family) continue;
    const [containerId, podRef, ifName] = [id, podref, ifname].map((member) =>
      typeof member === "string" ? member : ""
    );
    read.set(ip.value, {
      address: ip.value,
      podRef: podRef ?? "",
      ifName: ifName ?? "",
      containerId: containerId ?? "",
      ...decodeFacts(containerId ?? "", entry ?? {}),
    });
  }
  return read;
}

/** Reads `reuse`. Undefined if it is missing or invalid. */
export function toReuse({ reuse }: PoolDocument, family: Family): Reuse | undefined {
  return decodeReuse(reuse, (address) => {
    const ip = parseIp(address);
    return ip?.family === family ? ip.value : undefined;
  });
}

/** The value after changes. Unknown members of an entry stay if its pod stays. @param reuse replaces `reuse`; absent: unchanged */
export function withChanges(
  document: PoolDocument,
  changes: readonly Change[],
  family: Family,
  reuse?: Reuse,
): PoolDocument {
  const allocations = { ...document.allocations };
  for (const { address, before, after } of changes) {
    const key = formatIp({ family, value: address });
    if (!after) {
      delete allocations[key];
      continue;
    }
    const { sandbox: _, keeper: __, former: ___, ...rest } = before?.podRef === after.podRef
      ? allocations[key] ?? {}
      : {};
    allocations[key] = {
      ...rest,
      id: after.containerId,
      podref: after.podRef,
      ...(after.ifName && { ifname: after.ifName }),
      ...encodeFacts(after),
    };
  }
  if (!reuse) return { ...document, allocations };
  const { reuse: _, ...others } = document;
  const stored = !isEmpty(reuse) && encodeReuse(reuse, (value) => formatIp({ family, value }));
  return { ...others, ...(stored && { reuse: stored }), allocations };
}
