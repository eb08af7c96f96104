/**
 * Commits to an IPPool as JSON Patch (RFC 6902) of single keys, so that unknown parts of the object stay unchanged.
 *
 * @module
 */
import { formatCidr } from "../../src/address/cidr.ts";
import { formatIp } from "../../src/address/ip.ts";
import type { Allocation, Change, PoolKey } from "../../src/pool/types.ts";
import { RefusedError } from "../../src/storage/driver.ts";
import { replacingFacts } from "../../src/storage/facts.ts";
import { annotate, readAnnotations } from "./names.ts";
import { CLEAR_MANAGED_FIELDS, encodeEntry, type Metadata, type PatchOperation } from "./resources.ts";

/** Max operations of one patch: the API server's limit. */
const MAX_OPERATIONS = 10_000;

/** The parts of a stored object that a patch depends on. */
export interface Stored {
  /** Name and version. */
  readonly metadata: Metadata;
  /** The address that keys count from. */
  readonly base: bigint;
  /** Keys that are not the plain offset. */
  readonly oddKeys: ReadonlyMap<bigint, string>;
  /** The epoch of the last closing; absent if the pool was never closed. */
  readonly closed?: number;
}

/**
 * A patch that is refused unless the object has the version that was read, each address to allocate is free and every other entry is the one
 * that was read: a store that was restored from a backup reuses its versions. The patch also clears `managedFields`, which double the
 * object's size.
 *
 * @param further operations on other members of the object
 * @param annotating operations that need its annotations to exist
 * @throws {RefusedError} an address cannot be written as an offset, or there are too many changes for one patch
 */
export function guardedPatch(
  stored: Stored,
  key: PoolKey,
  changes: readonly Change[],
  further: readonly PatchOperation[] = [],
  annotating: readonly PatchOperation[] = [],
): PatchOperation[] {
  const { metadata, base, closed = null } = stored;
  const allocates = changes.some(({ before, after }) => after && !before);
  return bounded(metadata.name, [
    { op: "test", path: "/metadata/resourceVersion", value: metadata.resourceVersion },
    // every closing raises the epoch, so this test works even if versions are reused after a restore of the store
    ...(allocates ? [{ op: "test", path: "/spec/closed", value: closed } as const] : []),
    ...changes.flatMap((change) => {
      if (change.address < base) throw below(metadata.name, base, key, change.address);
      return operations(change, entryPath(keyIn(stored, change.address)));
    }),
    ...further,
    ...adoption(metadata, key, allocates),
    ...annotating,
    ...(metadata.managedFields?.length ? [CLEAR_MANAGED_FIELDS] : []),
  ]);
}

/**
 * Annotates objects of older releases and of the original. A plugin that allocates knows the network, so it also corrects the annotations
 * of an empty pool.
 */
function adoption(metadata: Metadata, key: PoolKey, allocates: boolean): PatchOperation[] {
  if (key.otherReadings || (!allocates && readAnnotations(metadata))) return [];
  return annotate(metadata, key);
}

/** The operations of one change. A refresh of the same pod's entry replaces only the members that differ, so that unknown members stay. */
function operations({ before, after }: Change, path: string): PatchOperation[] {
  const asRead = before ? entryTests(path, before) : [{ op: "test", path, value: null } as const];
  if (!after) return [...asRead, { op: "remove", path }];
  const refresh = before?.podRef === after.podRef && (after.ifName !== "" || before.ifName === "");
  if (!refresh) return [...asRead, { op: "add", path, value: encodeEntry(after) }];
  const differing: PatchOperation[] = [];
  if (before.containerId !== after.containerId) {
    differing.push({ op: "replace", path: `${path}/id`, value: after.containerId });
  }
  if (before.ifName !== after.ifName) differing.push({ op: "add", path: `${path}/ifname`, value: after.ifName });
  return [...asRead, ...differing, ...memberOperations(path, replacingFacts(before, after))];
}

/** Tests that the entry is the one that was read, by its members. An empty member is not tested: it may have been absent. */
function entryTests(path: string, allocation: Allocation): PatchOperation[] {
  const { id = "", podref = "", ifname = "", keeper = "" } = encodeEntry(allocation);
  const members = Object.entries({ id, podref, ifname, keeper });
  return members.filter(([, value]) => value !== "")
    .map(([member, value]) => ({ op: "test", path: `${path}/${member}`, value }));
}

/**
 * A patch that is refused unless each released entry is exactly the one that the caller recorded, whatever else changed.
 *
 * @param further operations on other members of the object
 * @throws {TypeError} a change is not a release
 * @throws {RefusedError} there are too many changes for one patch
 */
export function recordedPatch(
  name: string,
  { cidr }: PoolKey,
  changes: readonly Change[],
  further: readonly PatchOperation[] = [],
): PatchOperation[] {
  return bounded(name, [
    { op: "test", path: "/spec/range", value: formatCidr(cidr) },
    ...changes.flatMap(({ address, before, after }): PatchOperation[] => {
      if (!before || after) {
        throw new TypeError("Cannot commit an allocation or a refresh on a recorded snapshot: read the pool");
      }
      const path = entryPath(String(address - cidr.base));
      const { id, podref, ifname = null, keeper = null } = encodeEntry(before); // the API server treats an absent member as null
      return [
        { op: "test", path: `${path}/id`, value: id },
        { op: "test", path: `${path}/podref`, value: podref },
        { op: "test", path: `${path}/ifname`, value: ifname },
        { op: "test", path: `${path}/keeper`, value: keeper },
        { op: "remove", path },
      ];
    }),
    ...further,
    CLEAR_MANAGED_FIELDS,
  ]);
}

/** Sets members of the object at the path, whether they exist or not. */
export function memberOperations(path: string, members: object): PatchOperation[] {
  return Object.entries(members).map(([member, value]) => ({ op: "add", path: `${path}/${member}`, value }));
}

/** The key of an address's entry, existing or new. */
export function keyIn({ base, oddKeys }: Pick<Stored, "base" | "oddKeys">, address: bigint): string {
  return oddKeys.get(address) ?? String(address - base);
}

/** The path of a key's entry. */
export function entryPath(key: string): string {
  return `/spec/allocations/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** The patch, if the API server accepts its length. @throws {RefusedError} it does not */
function bounded(name: string, patch: PatchOperation[]): PatchOperation[] {
  if (patch.length <= MAX_OPERATIONS) return patch;
  throw new RefusedError(
    `Cannot patch IPPool ${name} with ${patch.length} operations: the API server accepts at most ${MAX_OPERATIONS}; commit fewer changes`,
  );
}

function below(name: string, base: bigint, { cidr }: PoolKey, address: bigint): RefusedError {
  const text = (value: bigint) => formatIp({ family: cidr.family, value });
  return new RefusedError(
    `Cannot write ${text(address)} to IPPool ${name}: its spec.range counts from ${text(base)}; set it to ${
      formatCidr(cidr)
    } ` +
      "and shift the keys of spec.allocations",
  );
}
