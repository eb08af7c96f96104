/**
 * The etcd store: one key per pool, with compare-and-swap on its revision. No cluster-wide reservations, as in the original.
 *
 * @module
 */
import type { Datastore } from "../../src/config/types.ts";
import type { Unreadable } from "../../src/pool/finding.ts";
import type { BlockFacts } from "../../src/pool/grid.ts";
import { encodeMove, type Move } from "../../src/pool/move.ts";
import type { Reuse } from "../../src/pool/reuse.ts";
import { type Change, formatPoolKey, type PoolKey } from "../../src/pool/types.ts";
import {
  ConflictError,
  type Migration,
  type PoolSnapshot,
  RefusedError,
  type StorageDriver,
} from "../../src/storage/driver.ts";
import type { OpenContext } from "../../src/storage/open.ts";
import { isLayout, listBlocks, recordOperations } from "./blocks.ts";
import { decodeKey, encodeKey, legacyKeys, mayBeLegacy, poolsPrefix } from "./keys.ts";
import { etcdMigration, ifUnchanged, olderKeys, replace, snapshotOf, type Version } from "./migration.ts";
import { type EtcdSession, openSession } from "./session.ts";
import { decodeValue, EMPTY, encodeValue, headOf, isClosed, withChanges } from "./value.ts";
import { findUnreadable } from "./unreadable.ts";

/** Opens an etcd store. */
export async function openEtcd(datastore: Datastore, context: OpenContext): Promise<StorageDriver> {
  if (datastore.kind !== "etcd") throw new RefusedError(`Cannot open datastore ${datastore.kind} with the etcd driver`);
  return new EtcdDriver(await openSession(datastore, context));
}

class EtcdDriver implements StorageDriver {
  readonly name = "etcd";
  readonly recordsReuse = true;
  readonly migration: Migration;
  readonly #session: EtcdSession;

  constructor(session: EtcdSession) {
    this.#session = session;
    this.migration = etcdMigration(session);
  }

  async read(key: PoolKey, signal: AbortSignal): Promise<PoolSnapshot> {
    const name = encodeKey(this.#prefix, key);
    const { kvs: [stored] } = await this.#session.call(signal, (client) => client.get(name).exec());
    if (stored) return this.#snapshot(key, stored.value.toString(), stored.mod_revision);
    await this.#refuseLegacy(key, signal);
    return { key, allocations: new Map(), version: { revision: "0", document: EMPTY } satisfies Version };
  }

  async commit(
    snapshot: PoolSnapshot,
    changes: readonly Change[],
    signal: AbortSignal,
    reuse?: Reuse,
  ): Promise<PoolSnapshot> {
    const { key, block } = snapshot;
    const { document, ...read } = snapshot.version as Version;
    const name = encodeKey(this.#prefix, key);
    const changed = { ...withChanges(document, changes, key.cidr.family, reuse), ...(block && { block }) };
    const value = encodeValue(changed, `pool ${formatPoolKey(key)}`);
    const legacy = changes.some(({ after }) => after) ? legacyKeys(key) : [];
    const { succeeded, header } = await this.#session.call(signal, (client) => {
      const condition = ifUnchanged(client, name, read);
      for (const old of legacy) condition.and(old, "Create", "==", 0); // an older plugin resumed and allocates addresses
      const further = recordOperations(client, this.#prefix, key, changed, { document });
      return condition.then(client.put(name).value(value), ...further).commit();
    });
    if (!succeeded) {
      if (legacy.length > 0) await this.#refuseLegacy(key, signal);
      throw new ConflictError(`Pool ${formatPoolKey(key)} is no longer at revision ${read.revision}`);
    }
    return snapshotOf(key, { revision: header.revision, document: changed, head: headOf(value) });
  }

  async setMove({ key, version }: PoolSnapshot, move: Move | undefined, signal: AbortSignal): Promise<PoolSnapshot> {
    const { document, ...read } = version as Version;
    const { move: _, ...others } = document;
    const changed = move ? { ...others, move: encodeMove(move) } : others;
    return await replace(this.#session, key, { ...read, document }, changed, signal);
  }

  async listBlocks(network: string, _fresh: boolean, signal: AbortSignal): Promise<BlockFacts[]> {
    return await listBlocks(this.#session, network, signal);
  }

  async list(signal: AbortSignal): Promise<PoolSnapshot[]> {
    const prefix = this.#prefix;
    const { kvs } = await this.#session.call(signal, (client) => client.getAll().prefix(poolsPrefix(prefix)).exec());
    return kvs.flatMap(({ key: stored, value, mod_revision: revision }) => {
      const name = stored.toString();
      const key = decodeKey(prefix, name);
      const document = decodeValue(value.toString());
      const version = document && { revision, document, head: headOf(value.toString()) };
      if (key && version) {
        const isHidden = isClosed(document) || isLayout(document);
        return isHidden ? [] : [snapshotOf(key, version)];
      }
      this.#session.log.error("Skipped key: its value is not a pool in a known format", { key: name });
      return [];
    });
  }

  async status(signal: AbortSignal): Promise<void> {
    await this.#session.call(signal, (client) => client.get(`${this.#prefix}/status`).exec());
  }

  unreadable(signal: AbortSignal): Promise<Unreadable[]> {
    return findUnreadable(this.#session, signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#session.close();
    return Promise.resolve();
  }

  get #prefix(): string {
    return this.#session.settings.prefix;
  }

  #snapshot(key: PoolKey, value: string, revision: string): PoolSnapshot {
    const document = decodeValue(value);
    const name = encodeKey(this.#prefix, key);
    if (!document) {
      throw new RefusedError(`Cannot read key ${name} of etcd: its value is not a pool in a known format`);
    }
    if (isClosed(document)) {
      throw new RefusedError(
        `Cannot use pool ${formatPoolKey(key)} of etcd: it was moved to another store; name that one in ipam.datastore`,
      );
    }
    return snapshotOf(key, { revision, document, head: headOf(value) });
  }

  /** Refuses a pool with records of older releases: their addresses would be allocated twice, so they must be converted first. */
  async #refuseLegacy(key: PoolKey, signal: AbortSignal): Promise<void> {
    const [found] = mayBeLegacy(key)
      ? [...await olderKeys(this.#session, signal, key), ...await this.#present(legacyKeys(key), signal)]
      : [];
    if (found === undefined) return;
    throw new RefusedError(
      `Cannot use pool ${formatPoolKey(key)}: etcd holds records of the original's v0.5 or older under ${found}; ` +
        `stop its plugins, and convert them with \`whereabouts migrate etcd\``,
    );
  }

  async #present(names: readonly string[], signal: AbortSignal): Promise<string[]> {
    const present: string[] = [];
    for (const name of names) {
      const { count } = await this.#session.call(signal, (client) => client.get(name).exec());
      if (count !== "0") present.push(name);
    }
    return present;
  }
}
