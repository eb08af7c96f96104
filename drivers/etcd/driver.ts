/**
 * The etcd store: one key a pool, compared and swapped on its revision. No cluster-wide reservations, as in the original.
 *
 * @module
 */
import type { Etcd3 } from "etcd3";
import type { Datastore } from "../../src/config/types.ts";
import { type Change, formatPoolKey, type PoolKey } from "../../src/pool/types.ts";
import { ConflictError, type PoolSnapshot, RefusedError, type StorageDriver } from "../../src/storage/driver.ts";
import type { OpenContext } from "../../src/storage/open.ts";
import type { Logger } from "../../src/world/log.ts";
import { connect, type EtcdSettings, toStoreError } from "./connect.ts";
import { decodeKey, encodeKey, legacyKeys, poolsPrefix } from "./keys.ts";
import { decodeValue, EMPTY, type PoolDocument, toAllocations, withChanges } from "./value.ts";

/** Bytes of a value, at most: etcd refuses requests over 1.5 MiB. */
const LONGEST_VALUE = 1_400_000;

/** What a commit compares with: the key's revision (0: absent), and what its value was. */
interface Version {
  readonly revision: string;
  readonly document: PoolDocument;
}

/** Opens an etcd store. */
export async function openEtcd(datastore: Datastore, { world, log }: OpenContext): Promise<StorageDriver> {
  if (datastore.kind !== "etcd") throw new RefusedError(`Cannot open datastore ${datastore.kind} with the etcd driver`);
  return new EtcdDriver(await connect(datastore, world), datastore, log);
}

class EtcdDriver implements StorageDriver {
  readonly name = "etcd";
  readonly #client: Etcd3;
  readonly #settings: EtcdSettings;
  readonly #log: Logger;

  constructor(client: Etcd3, settings: EtcdSettings, log: Logger) {
    this.#client = client;
    this.#settings = settings;
    this.#log = log;
  }

  async read(key: PoolKey, signal: AbortSignal): Promise<PoolSnapshot> {
    const { kvs } = await this.#call(signal, () => this.#client.get(encodeKey(this.#settings.prefix, key)).exec());
    const [stored] = kvs;
    if (stored) return this.#snapshot(key, stored.value.toString(), stored.mod_revision);
    await this.#refuseLegacy(key, signal);
    return { key, allocations: new Map(), version: { revision: "0", document: EMPTY } satisfies Version };
  }

  async commit(snapshot: PoolSnapshot, changes: readonly Change[], signal: AbortSignal): Promise<PoolSnapshot> {
    const { key } = snapshot;
    const { revision, document } = snapshot.version as Version;
    const name = encodeKey(this.#settings.prefix, key);
    const changed = withChanges(document, changes, key.cidr.family);
    const value = JSON.stringify(changed);
    if (value.length > LONGEST_VALUE) {
      throw new RefusedError(
        `Cannot store pool ${formatPoolKey(key)}: its value has ${value.length} bytes, etcd takes ${LONGEST_VALUE}`,
      );
    }
    const { succeeded, header } = await this.#call(
      signal,
      () => this.#client.if(name, "Mod", "==", Number(revision)).then(this.#client.put(name).value(value)).commit(),
    );
    if (!succeeded) throw new ConflictError(`Pool ${formatPoolKey(key)} is no longer at revision ${revision}`);
    const allocations = toAllocations(changed, key.cidr.family);
    return { key, allocations, version: { revision: header.revision, document: changed } satisfies Version };
  }

  async list(signal: AbortSignal): Promise<PoolSnapshot[]> {
    const { prefix } = this.#settings;
    const { kvs } = await this.#call(signal, () => this.#client.getAll().prefix(poolsPrefix(prefix)).exec());
    return kvs.flatMap((stored) => {
      const name = stored.key.toString();
      const key = decodeKey(prefix, name);
      if (key && decodeValue(stored.value.toString())) {
        return [this.#snapshot(key, stored.value.toString(), stored.mod_revision)];
      }
      this.#log.error("Key is left out: it is no pool of a format this release reads", { key: name });
      return [];
    });
  }

  async status(signal: AbortSignal): Promise<void> {
    await this.#call(signal, () => this.#client.get(`${this.#settings.prefix}/status`).exec());
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#client.close();
    return Promise.resolve();
  }

  #snapshot(key: PoolKey, value: string, revision: string): PoolSnapshot {
    const document = decodeValue(value);
    if (!document) {
      const name = encodeKey(this.#settings.prefix, key);
      throw new RefusedError(`Cannot read key ${name} of etcd: its value is no pool of a format this release reads`);
    }
    return {
      key,
      allocations: toAllocations(document, key.cidr.family),
      version: { revision, document } satisfies Version,
    };
  }

  /** Addresses that older releases recorded must not be given again, so their records are converted first. */
  async #refuseLegacy(key: PoolKey, signal: AbortSignal): Promise<void> {
    for (const legacy of legacyKeys(key)) {
      const { count } = await this.#call(signal, () => this.#client.get(legacy).exec());
      if (count === "0") continue;
      throw new RefusedError(
        `Cannot use pool ${
          formatPoolKey(key)
        }: etcd holds records of the original's v0.5 or older under ${legacy}; convert or delete them first`,
      );
    }
  }

  /** Ends when the signal aborts, although the library's call goes on until its own deadline. */
  async #call<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const onAbort = () => aborted.reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await Promise.race([call(), aborted.promise]);
    } catch (error) {
      throw signal.aborted ? signal.reason : toStoreError(error, this.#settings);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }
}
