/**
 * Migration of an etcd store: records of older releases become pools, and pools move to another store.
 *
 * @module
 */
import { decodeMove } from "../../src/pool/move.ts";
import { formatPoolKey, type PoolKey } from "../../src/pool/types.ts";
import {
  ConflictError,
  type Migration,
  type OlderRecord,
  type PoolSnapshot,
  RefusedError,
} from "../../src/storage/driver.ts";
import { recordOperations } from "./blocks.ts";
import { decodeKey, decodeLegacyKey, encodeKey, legacyLock, legacyRanges, poolsPrefix } from "./keys.ts";
import { decodeLegacy } from "./legacy.ts";
import type { ComparatorBuilder, Etcd3 } from "./library.ts";
import { withLock } from "./mutex.ts";
import type { EtcdSession } from "./session.ts";
import {
  closedDocument,
  decodeValue,
  EMPTY,
  encodeValue,
  headOf,
  isClosed,
  oddEntries,
  type PoolDocument,
  toAllocations,
  toReuse,
  withChanges,
} from "./value.ts";

/** The state that a commit compares with: the key's revision (0: absent) and its value. */
export interface Version {
  /** `mod_revision`. */
  readonly revision: string;
  /** The decoded value. */
  readonly document: PoolDocument;
  /** Distinguishes the value from others of the same revision (`headOf`). */
  readonly head?: string | undefined;
}

/** Starts a transaction that succeeds only if the pool's key is unchanged since it was read. */
export function ifUnchanged(
  client: Etcd3,
  name: string,
  { revision, head }: Omit<Version, "document">,
): ComparatorBuilder {
  const condition = client.if(name, "Mod", "==", Number(revision));
  return head === undefined ? condition : condition.and(name, "Value", ">", head).and(name, "Value", "<", `${head}~`);
}

/** The migration of a session's store. */
export function etcdMigration(session: EtcdSession): Migration {
  return {
    older: (signal) => older(session, signal),
    convert: (record, decide, signal) => convert(session, record, decide, signal),
    closed: async (signal) => {
      const { prefix } = session.settings;
      const { kvs } = await session.call(signal, (client) => client.getAll().prefix(poolsPrefix(prefix)).exec());
      return kvs.flatMap(({ key: name, value, mod_revision: revision }) => {
        const key = decodeKey(prefix, name.toString());
        const document = decodeValue(value.toString());
        if (!key || !document || !isClosed(document) || Object.keys(document.allocations).length === 0) return [];
        return [snapshotOf(key, { revision, document, head: headOf(value.toString()) })];
      });
    },
    close: async ({ key, version }, signal) => {
      const { document } = version as Version;
      const odd = oddEntries(document, key.cidr.family);
      if (odd.length > 0) {
        throw new RefusedError(
          `Cannot move pool ${formatPoolKey(key)}: its entry ${
            JSON.stringify(odd[0])
          } is not an address of its range; ` +
            `correct ${encodeKey(session.settings.prefix, key)} by hand`,
        );
      }
      return await replace(session, key, version as Version, closedDocument(document), signal);
    },
    empty: async ({ key, version }, signal) => {
      await replace(session, key, version as Version, closedDocument(EMPTY), signal);
    },
  };
}

/** Keys of older releases for a pool; without a pool, for any. */
export async function olderKeys(session: EtcdSession, signal: AbortSignal, key?: PoolKey): Promise<string[]> {
  const names: string[] = [];
  for (const range of legacyRanges(key)) {
    names.push(...await session.call(signal, (client) => client.getAll().inRange(range).keys()));
  }
  return names.filter((name) => {
    const decoded = decodeLegacyKey(name);
    return decoded && (!key || formatPoolKey(decoded) === formatPoolKey(key));
  });
}

async function older(session: EtcdSession, signal: AbortSignal): Promise<OlderRecord[]> {
  const records: OlderRecord[] = [];
  for (const name of await olderKeys(session, signal)) {
    const found = await readOlder(session, name, signal);
    if (found) records.push(found.record);
  }
  return records;
}

async function readOlder(session: EtcdSession, name: string, signal: AbortSignal) {
  const key = decodeLegacyKey(name);
  const { kvs: [stored] } = await session.call(signal, (client) => client.get(name).exec());
  if (!key || !stored) return undefined;
  return { record: decodeLegacy(name, key, stored.value.toString()), revision: stored.mod_revision };
}

async function convert(
  session: EtcdSession,
  { name }: OlderRecord,
  decide: Parameters<Migration["convert"]>[1],
  signal: AbortSignal,
): Promise<void> {
  await withLock(session, legacyLock(name), signal, async (lockKey) => {
    const found = await readOlder(session, name, signal);
    if (!found) return;
    const { record, revision } = found;
    const { key } = record;
    const pool = encodeKey(session.settings.prefix, key);
    const { kvs: [stored] } = await session.call(signal, (client) => client.get(pool).exec());
    const document = stored ? decodeValue(stored.value.toString()) : EMPTY;
    if (!document || isClosed(document)) {
      throw new RefusedError(
        `Cannot convert ${name}: its pool ${pool} ${document ? "was moved to another store" : "cannot be read"}`,
      );
    }
    const changes = decide(record, toAllocations(document, key.cidr.family));
    if (!changes) return;
    const present = { revision: stored?.mod_revision ?? "0", head: stored && headOf(stored.value.toString()) };
    const value = encodeValue(withChanges(document, changes, key.cidr.family), `${name} as pool ${pool}`);
    const { succeeded } = await session.call(
      signal,
      (client) =>
        ifUnchanged(client, pool, present).and(name, "Mod", "==", Number(revision))
          .and(lockKey, "Create", ">", 0).then(client.put(pool).value(value), client.delete().key(name)).commit(),
    );
    if (!succeeded) throw new ConflictError(`${name} or its pool ${pool} changed while it was converted`);
  });
}

/** Replaces a pool's value. @throws {ConflictError} it changed since the snapshot */
export async function replace(
  session: EtcdSession,
  key: PoolKey,
  version: Version,
  document: PoolDocument,
  signal: AbortSignal,
): Promise<PoolSnapshot> {
  const name = encodeKey(session.settings.prefix, key);
  const value = encodeValue(document, `pool ${formatPoolKey(key)}`);
  const { succeeded, header } = await session.call(
    signal,
    (client) =>
      ifUnchanged(client, name, version)
        .then(
          client.put(name).value(value),
          ...recordOperations(client, session.settings.prefix, key, document, version),
        )
        .commit(),
  );
  if (!succeeded) throw new ConflictError(`Pool ${formatPoolKey(key)} is no longer at revision ${version.revision}`);
  return snapshotOf(key, { revision: header.revision, document, head: headOf(value) });
}

/** The snapshot of a pool. */
export function snapshotOf(key: PoolKey, version: Version): PoolSnapshot {
  const { document } = version;
  const { family } = key.cidr;
  const reuse = toReuse(document, family);
  const move = decodeMove(document.move);
  return {
    key,
    allocations: toAllocations(document, family),
    version,
    ...(move && { move }),
    ...(document.block === true && { block: true as const }),
    ...(reuse && { reuse }),
  };
}
