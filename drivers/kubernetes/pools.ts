/**
 * IPPools: one GET to read, one PATCH to change, one POST to make.
 *
 * @module
 */
import { formatCidr } from "../../src/address/cidr.ts";
import type { Allocations, Change, PoolKey } from "../../src/pool/types.ts";
import { ConflictError, type PoolSnapshot, RefusedError } from "../../src/storage/driver.ts";
import type { Logger } from "../../src/world/log.ts";
import type { ApiClient } from "./http.ts";
import { listAll } from "./list.ts";
import { poolKey, poolName } from "./names.ts";
import {
  API_VERSION,
  baseOf,
  entryPath,
  type IpPool,
  type Metadata,
  type PatchOperation,
  toAllocations,
  toEntry,
  toOperations,
} from "./resources.ts";

/** Operations of one patch, at most: the API server's limit. */
const MOST_OPERATIONS = 10_000;

/** What a commit compares with: an object, its absence, or single entries. */
type Version =
  | { readonly kind: "stored"; readonly metadata: Metadata; readonly base: bigint }
  | { readonly kind: "absent" }
  | { readonly kind: "presumed" };

/** Reads and writes IPPools of one namespace. */
export class Pools {
  readonly #api: ApiClient;
  readonly #namespace: string;
  readonly #log: Logger;

  /** Sends nothing yet. */
  constructor(api: ApiClient, namespace: string, log: Logger) {
    this.#api = api;
    this.#namespace = namespace;
    this.#log = log;
  }

  /** One GET. */
  async read(key: PoolKey, signal: AbortSignal): Promise<PoolSnapshot> {
    const object = await this.#api.request<IpPool>({ method: "GET", ...this.#object(poolName(key)) }, signal);
    if (!object) return { key, allocations: new Map(), version: { kind: "absent" } satisfies Version };
    return this.#snapshot(key, object);
  }

  /** One PATCH, or one POST for a pool that is not there. */
  async commit(snapshot: PoolSnapshot, changes: readonly Change[], signal: AbortSignal): Promise<PoolSnapshot> {
    const { key } = snapshot;
    const version = snapshot.version as Version;
    if (version.kind === "absent") return await this.#create(key, changes, signal);
    const name = version.kind === "stored" ? version.metadata.name : poolName(key);
    const operations = version.kind === "stored" ? guarded(version, changes) : presumed(key, changes);
    if (operations.length > MOST_OPERATIONS) {
      const what = this.#object(name).what;
      throw new RefusedError(
        `Cannot patch ${what}: ${operations.length} operations, the API server takes ${MOST_OPERATIONS}`,
      );
    }
    const object = await this.#api.request<IpPool>({
      method: "PATCH",
      ...this.#object(name, "?fieldManager=whereabouts"),
      body: operations,
      contentType: "application/json-patch+json",
    }, signal);
    if (!object) throw new ConflictError(`${this.#object(name).what} was deleted meanwhile`);
    return this.#snapshot(key, object);
  }

  /** Pages of 500. */
  async list(signal: AbortSignal): Promise<PoolSnapshot[]> {
    const objects = await listAll<IpPool>(this.#api, this.#collection(), signal);
    return objects.flatMap((object) => {
      const key = poolKey(object.metadata.name, object.spec?.range ?? "");
      if (key) return [this.#snapshot(key, object)];
      this.#log.error("IPPool is left out: its name and range do not belong together", {
        name: object.metadata.name,
        range: object.spec?.range,
      });
      return [];
    });
  }

  /** One GET of one object at most. */
  async status(signal: AbortSignal): Promise<void> {
    const { path, what } = this.#collection();
    await this.#api.request({ method: "GET", path: `${path}?limit=1`, what }, signal);
  }

  async #create(key: PoolKey, changes: readonly Change[], signal: AbortSignal): Promise<PoolSnapshot> {
    const { base } = key.cidr;
    const entries = changes.flatMap(({ address, after }) => after ? [[String(address - base), toEntry(after)]] : []);
    const name = poolName(key);
    const body = {
      apiVersion: API_VERSION,
      kind: "IPPool",
      metadata: { name, namespace: this.#namespace },
      spec: { range: formatCidr(key.cidr), allocations: Object.fromEntries(entries) },
    };
    const { path } = this.#collection();
    const request = {
      method: "POST",
      path: `${path}?fieldManager=whereabouts`,
      what: this.#object(name).what,
      body,
    } as const;
    const object = await this.#api.request<IpPool>(request, signal);
    if (!object) throw new ConflictError(`${request.what} was deleted meanwhile`);
    return this.#snapshot(key, object);
  }

  #snapshot(key: PoolKey, { metadata, spec = {} }: IpPool): PoolSnapshot {
    const range = baseOf(spec.range ?? "");
    if (!range || formatCidr(range.cidr) !== formatCidr(key.cidr)) {
      throw new RefusedError(
        `Cannot use ${this.#object(metadata.name).what}: its spec.range is ${JSON.stringify(spec.range)}, wanted ${
          formatCidr(key.cidr)
        }`,
      );
    }
    const allocations = toAllocations(spec.allocations ?? {}, range.base, key.cidr.family);
    return { key, allocations, version: { kind: "stored", metadata, base: range.base } satisfies Version };
  }

  #collection(): { path: string; what: string } {
    const path = `/apis/${API_VERSION}/namespaces/${encodeURIComponent(this.#namespace)}/ippools`;
    return { path, what: `IPPools of namespace ${this.#namespace}` };
  }

  #object(name: string, query = ""): { path: string; what: string } {
    return {
      path: `${this.#collection().path}/${encodeURIComponent(name)}${query}`,
      what: `IPPool ${this.#namespace}/${name}`,
    };
  }
}

/** A snapshot of what the caller remembers. */
export function presume(key: PoolKey, allocations: Allocations): PoolSnapshot {
  return { key, allocations, version: { kind: "presumed" } satisfies Version };
}

/** Compared by the object's version. What doubles the object's size is cleared on the way. */
function guarded(
  { metadata, base }: Extract<Version, { kind: "stored" }>,
  changes: readonly Change[],
): PatchOperation[] {
  return [
    { op: "test", path: "/metadata/resourceVersion", value: metadata.resourceVersion },
    ...changes.flatMap((change) => toOperations(change, base)),
    ...(metadata.managedFields?.length ? [{ op: "add" as const, path: "/metadata/managedFields", value: [{}] }] : []),
  ];
}

/** Compared entry by entry. */
function presumed(key: PoolKey, changes: readonly Change[]): PatchOperation[] {
  const { base } = key.cidr;
  return changes.flatMap(({ address, before, after }) => {
    if (!before || after) throw new TypeError("A presumed snapshot takes releases only");
    const path = entryPath(address, base);
    const tests = Object.entries(toEntry(before)).map(([name, value]) => ({
      op: "test" as const,
      path: `${path}/${name}`,
      value,
    }));
    return [...tests, { op: "remove" as const, path }];
  });
}
