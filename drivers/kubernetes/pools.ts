/**
 * IPPools: one GET to read, one PATCH to change, one POST to create.
 *
 * @module
 */
import { formatCidr } from "../../src/address/cidr.ts";
import type { Fence } from "../../src/pool/fence.ts";
import type { BlockFacts } from "../../src/pool/grid.ts";
import { dividedInto, encodeMove, type Move } from "../../src/pool/move.ts";
import { isEmpty, type Reuse } from "../../src/pool/reuse.ts";
import type { Allocations, Change, PoolKey } from "../../src/pool/types.ts";
import {
  ConflictError,
  type OnPart,
  type OnUnreadable,
  type PoolSnapshot,
  RefusedError,
} from "../../src/storage/driver.ts";
import type { Logger } from "../../src/world/log.ts";
import { blockMetadata, dividedObject, divideOperations, isBlock, listBlocks, usedOperations } from "./blocks.ts";
import { closePool, fenceOf } from "./fences.ts";
import type { ApiServer } from "./api_server.ts";
import type { ApiRequest } from "./request.ts";
import { KEEPERS_REFUSED, markPool, marksOf, MOVE, MUST_RESERVE } from "./marks.ts";
import { annotationsOf, type Domain, poolName, readAnnotations } from "./names.ts";
import { entryPath, guardedPatch, keyIn, recordedPatch, type Stored } from "./patch.ts";
import { toPoolStatus } from "./pool_statuses.ts";
import { type PoolReader, readPools } from "./resolve.ts";
import { addRests, readReuse, reuseMember, reuseOperations } from "./reuse.ts";
import { API_VERSION, baseOf, decodeEntries, encodeEntry, type IpPool, type Metadata } from "./resources.ts";
import { MAX_WARNED, refuseEntries, refuseSchema } from "./schema.ts";
import { unreadableInPool } from "./unreadable.ts";

const resource = "ippools";
const WRITER = { fieldManager: "whereabouts" };

/** The state that a commit compares with: an object's version, its absence, or single entries. */
type Version = ({ readonly kind: "stored" } & Stored) | { readonly kind: "absent" } | { readonly kind: "recorded" };

/** Reads and writes the IPPools of one namespace. */
export class Pools {
  readonly #api: ApiServer;
  readonly #log: Logger;

  /** Sends no request. */
  constructor(api: ApiServer, log: Logger) {
    this.#api = api;
    this.#log = log;
  }

  /** One GET. */
  async read(key: PoolKey, signal: AbortSignal): Promise<PoolSnapshot> {
    const object = await this.#api.request<IpPool>({ verb: "get", resource, name: poolName(key) }, signal);
    return object ? this.#snapshot(key, object) : snapshotOf(key, new Map(), { kind: "absent" });
  }

  /** One PATCH, or one POST for a pool that does not exist. */
  async commit(
    snapshot: PoolSnapshot,
    changes: readonly Change[],
    signal: AbortSignal,
    reuse?: Reuse,
  ): Promise<PoolSnapshot> {
    const { key } = snapshot;
    const version = snapshot.version as Version;
    switch (version.kind) {
      case "absent":
        return await this.#create(snapshot, changes, signal, reuse);
      case "stored":
        return await this.#patch(snapshot, version, changes, signal, reuse);
      case "recorded": {
        const name = poolName(key);
        const body = recordedPatch(name, key, changes, reuse && addRests(reuse, key.cidr.base));
        const request = { verb: "patch", resource, name, query: WRITER, body } as const;
        return this.#snapshot(key, await this.#api.request<IpPool>(request, signal) ?? this.#deleted(name));
      }
    }
  }

  /** One PATCH, or one POST for a pool that does not exist. */
  async close(snapshot: PoolSnapshot, fence: Omit<Fence, "opened">, signal: AbortSignal): Promise<PoolSnapshot> {
    return this.#snapshot(snapshot.key, await closePool(this.#api, snapshot, fence, signal));
  }

  /** See {@linkcode Pools.#mark}. */
  async requireReservations(snapshot: PoolSnapshot, required: boolean, signal: AbortSignal): Promise<PoolSnapshot> {
    return await this.#mark(snapshot, MUST_RESERVE, required ? "true" : undefined, signal);
  }

  /** See {@linkcode Pools.#mark}. */
  async refuseKeepers(snapshot: PoolSnapshot, by: string | undefined, signal: AbortSignal): Promise<PoolSnapshot> {
    return await this.#mark(snapshot, KEEPERS_REFUSED, by, signal);
  }

  /** See {@linkcode Pools.#mark}. */
  async setMove(snapshot: PoolSnapshot, move: Move | undefined, signal: AbortSignal): Promise<PoolSnapshot> {
    const { network, cidr } = snapshot.key;
    const range = formatCidr(cidr);
    return await this.#mark(snapshot, MOVE, move && encodeMove(move), signal, {
      operations: (stored) => divideOperations(snapshot, stored, network, range, move),
      created: dividedObject(network, range, move),
    });
  }

  /** One GET. */
  async listBlocks(network: string, fresh: boolean, signal: AbortSignal): Promise<BlockFacts[]> {
    return await listBlocks(this.#api, network, fresh, signal);
  }

  /** Lists page by page. */
  async list(signal: AbortSignal, onPart?: OnPart, onUnreadable?: OnUnreadable): Promise<PoolSnapshot[]> {
    const convert: PoolReader<PoolSnapshot | undefined>["convert"] = (object, key, slices) => {
      if (onUnreadable) unreadableInPool(object, key, slices).forEach(onUnreadable);
      if (key) {
        const pool = this.#snapshot(key, object);
        return isLayoutOnly(pool) ? undefined : { ...pool, ...toPoolStatus(object.status) };
      }
      const fields = { name: object.metadata.name, range: object.spec?.range };
      return void this.#log.warn("Skipped IPPool: its spec.range is not a CIDR, or does not match its name", fields);
    };
    const pools = await readPools(this.#api, { convert, onPart }, signal);
    return pools.filter((pool) => pool !== undefined);
  }

  /** One GET, of one object at most, and a dry run of a creation for each kind of object that ADD creates. */
  async status(signal: AbortSignal, reserves = false, recordsReuse = false): Promise<void> {
    await this.#api.request({ verb: "list", resource, query: { limit: "1" } }, signal);
    await refuseSchema(this.#api, resource, signal, { reuse: recordsReuse });
    if (reserves) await refuseSchema(this.#api, "overlappingrangeipreservations", signal, {});
  }

  /** One PATCH, or one POST for a pool that does not exist. */
  async #mark(
    snapshot: PoolSnapshot,
    annotation: string,
    value: string | undefined,
    signal: AbortSignal,
    further?: Parameters<typeof markPool>[5],
  ): Promise<PoolSnapshot> {
    const object = await markPool(this.#api, snapshot, annotation, value, signal, further);
    return object ? this.#snapshot(snapshot.key, object) : snapshot;
  }

  async #create(
    { key, block }: PoolSnapshot,
    changes: readonly Change[],
    signal: AbortSignal,
    reuse: Reuse | undefined,
  ): Promise<PoolSnapshot> {
    const name = poolName(key);
    const { base } = key.cidr;
    const entries = changes.flatMap(({ address, after }) =>
      after ? [[String(address - base), encodeEntry(after)]] : []
    );
    const { labels, annotations } = block ? blockMetadata(key.network, formatCidr(key.cidr), entries.length) : {};
    const body = {
      apiVersion: API_VERSION,
      kind: "IPPool",
      metadata: { name, ...(labels && { labels }), annotations: { ...annotationsOf(key), ...annotations } },
      spec: { range: formatCidr(key.cidr), allocations: Object.fromEntries(entries), ...reuseMember(reuse, base) },
    };
    const pathOf = (address: bigint) => entryPath(String(address - base));
    const object = await this.#write<IpPool>(
      { verb: "create", resource, name, body },
      changes,
      pathOf,
      signal,
      !!reuse,
    );
    return this.#snapshot(key, object);
  }

  async #patch(
    { key, allocations: before, fence, reuse: present, block }: PoolSnapshot,
    stored: Stored,
    changes: readonly Change[],
    signal: AbortSignal,
    reuse: Reuse | undefined,
  ): Promise<PoolSnapshot> {
    const { name } = stored.metadata;
    if (before.size > 0) this.#refuseOther(stored.metadata, key, changes);
    const allocations = new Map(before);
    const oddKeys = new Map(stored.oddKeys);
    for (const { address, after } of changes) {
      if (after) allocations.set(address, after);
      else {
        allocations.delete(address);
        oddKeys.delete(address);
      }
    }
    const range = formatCidr(key.cidr);
    const used = block ? usedOperations(stored.metadata, key.network, range, allocations.size) : [];
    const body = guardedPatch(stored, key, changes, reuse && reuseOperations(present, reuse, stored.base), used);
    const request = { verb: "patch", resource, name, body, metadataOnly: true } as const;
    const pathOf = (address: bigint) => entryPath(keyIn(stored, address));
    const { metadata } = await this.#write<Pick<IpPool, "metadata">>(request, changes, pathOf, signal, !!reuse);
    return snapshotOf(key, allocations, { ...stored, kind: "stored", metadata, oddKeys }, fence, reuse ?? present);
  }

  /**
   * Sends a write of entries.
   *
   * @param pathOf the path of an address's entry
   * @param hasReuse whether it writes `spec.reuse` too
   * @throws {RefusedError} the schema in use drops a required member of the entries; none of them stays
   */
  async #write<T>(
    request: ApiRequest & { readonly name: string },
    changes: readonly Change[],
    pathOf: (address: bigint) => string,
    signal: AbortSignal,
    hasReuse: boolean,
  ): Promise<T> {
    const isMany = changes.filter(({ after }) => after).length > MAX_WARNED;
    const kept = changes.some(({ after }) => after?.keeper);
    if (isMany) await refuseSchema(this.#api, resource, signal, { kept, reuse: hasReuse });
    let warning = "";
    const onWarning = (text: string) => warning = text;
    const query = { ...WRITER, fieldValidation: isMany ? "Ignore" : "Warn" };
    const object = await this.#api.request<T>({ ...request, query, onWarning }, signal) ?? this.#deleted(request.name);
    if (warning) await refuseEntries(this.#api, request.name, changes, pathOf, warning, signal);
    return object;
  }

  /**
   * Refuses an object of another domain: a network and a node can form the name of another network. Their entries would share the object,
   * and the sweep would not find the reservations of one of them.
   */
  #refuseOther({ name, annotations }: Metadata, key: PoolKey, changes: readonly Change[]): void {
    const domain = annotations && readAnnotations({ annotations });
    const allocates = changes.some(({ before, after }) => after && !before);
    if (!domain || !allocates || (domain.network === key.network && domain.node === key.node)) return;
    const describe = ({ network, node }: Domain) =>
      `network_name ${JSON.stringify(network)}${node === undefined ? "" : ` and node ${JSON.stringify(node)}`}`;
    throw new RefusedError(
      `Cannot allocate in ${this.#api.what({ resource, name })}: it belongs to ${describe(domain)}, expected ${
        describe(key)
      }; ` +
        "set another network_name, or delete it once it has no allocations",
    );
  }

  #deleted(name: string): never {
    throw new ConflictError(`${this.#api.what({ resource, name })} was deleted meanwhile`);
  }

  #snapshot(key: PoolKey, object: IpPool): PoolSnapshot {
    const { metadata, spec = {} } = object;
    const range = baseOf(spec.range ?? "");
    const expected = formatCidr(key.cidr);
    if (!range || formatCidr(range.cidr) !== expected) {
      throw new RefusedError(
        `Cannot use ${this.#api.what({ resource, name: metadata.name })}: its spec.range is ${
          JSON.stringify(spec.range)
        }, ` +
          `expected ${expected}; another network has the same name, or the object was edited: delete it, or set network_name`,
      );
    }
    const { allocations, oddKeys } = decodeEntries(spec.allocations ?? {}, range.base);
    const fence = fenceOf(object);
    const closed = fence && { closed: fence.closed };
    return snapshotOf(
      key,
      allocations,
      { kind: "stored", metadata, base: range.base.value, oddKeys, ...closed },
      fence,
      readReuse(spec.reuse, range.base.value),
    );
  }
}

/** Whether a pool only records that its range is divided into blocks: lists omit it. */
export function isLayoutOnly({ move, allocations }: PoolSnapshot): boolean {
  return dividedInto(move) !== undefined && allocations.size === 0;
}

/** A snapshot of allocations that the caller recorded. */
export function snapshotFromRecord(key: PoolKey, allocations: Allocations): PoolSnapshot {
  return snapshotOf(key, allocations, { kind: "recorded" });
}

function snapshotOf(
  key: PoolKey,
  allocations: Allocations,
  version: Version,
  fence?: Fence,
  reuse?: Reuse,
): PoolSnapshot {
  const marks = version.kind === "stored" ? marksOf(version.metadata) : {};
  const block = version.kind === "stored" && isBlock(version.metadata);
  return {
    key,
    allocations,
    version,
    ...(fence && { fence }),
    ...(reuse && !isEmpty(reuse) && { reuse }),
    ...marks,
    ...(block && { block }),
  };
}
