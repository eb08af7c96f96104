/**
 * The custom resources as JSON, and their translation. Group `whereabouts.cni.cncf.io`, version `v1alpha1`, as the original has them.
 *
 * @module
 */
import { type Cidr, parseCidr } from "../../src/address/cidr.ts";
import { maxValue } from "../../src/address/ip.ts";
import type { Allocation, Change } from "../../src/pool/types.ts";

/** `apiVersion` of all of them. */
export const API_VERSION = "whereabouts.cni.cncf.io/v1alpha1";

/** Metadata, as far as it is used. */
export interface Metadata {
  /** Object name. */
  readonly name: string;
  /** Changes with each write. */
  readonly resourceVersion?: string;
  /** Another object of the same name has another. */
  readonly uid?: string;
  /** Who wrote which field: doubles an IPPool, so it is cleared. */
  readonly managedFields?: readonly unknown[];
}

/** One entry of an IPPool. Members of other releases may stand beside these. */
export interface PoolEntry {
  /** Container id. */
  readonly id?: string;
  /** `namespace/name`. */
  readonly podref?: string;
  /** Interface; absent before v0.8 of the original. */
  readonly ifname?: string;
}

/** An IPPool. */
export interface IpPool {
  /** Name and version. */
  readonly metadata: Metadata;
  /** Range and entries by decimal offset from the range's address. */
  readonly spec?: { readonly range?: string; readonly allocations?: Readonly<Record<string, PoolEntry>> };
}

/** An OverlappingRangeIPReservation. */
export interface ReservationObject {
  /** Its name is the address. */
  readonly metadata: Metadata;
  /** Who holds it. */
  readonly spec?: { readonly podref?: string; readonly ifname?: string; readonly containerid?: string };
}

/** A list of objects, perhaps a page of it. */
export interface ObjectList<T> {
  /** The objects. */
  readonly items: readonly T[];
  /** `continue`: where the next page starts. */
  readonly metadata: { readonly continue?: string };
}

/** One operation of a JSON Patch (RFC 6902). */
export interface PatchOperation {
  /** What is done. */
  readonly op: "add" | "remove" | "replace" | "test";
  /** JSON pointer. */
  readonly path: string;
  /** For all but `remove`. */
  readonly value?: unknown;
}

/** Where offsets of a stored range count from: its address as written, not masked. Undefined: the range is none. */
export function baseOf(range: string): { readonly base: bigint; readonly cidr: Cidr } | undefined {
  const parsed = parseCidr(range);
  return parsed && { base: parsed.ip.value, cidr: parsed.cidr };
}

/** Reads entries. Keys that are no offset into the family are left out; they stay in the object. */
export function toAllocations(
  entries: Readonly<Record<string, PoolEntry>>,
  base: bigint,
  family: Cidr["family"],
): Map<bigint, Allocation> {
  const allocations = new Map<bigint, Allocation>();
  const most = maxValue(family);
  for (const [key, entry] of Object.entries(entries)) {
    if (!/^(0|[1-9]\d{0,38})$/.test(key)) continue;
    const address = base + BigInt(key);
    if (address > most) continue;
    const { id = "", podref = "", ifname = "" } = entry;
    allocations.set(address, { address, podRef: podref, ifName: ifname, containerId: id });
  }
  return allocations;
}

/** The entry of an allocation. */
export function toEntry({ containerId, podRef, ifName }: Allocation): PoolEntry {
  return { id: containerId, podref: podRef, ...(ifName && { ifname: ifName }) };
}

/** The path of an entry. */
export function entryPath(address: bigint, base: bigint): string {
  return `/spec/allocations/${address - base}`;
}

/** The operations that make a change. A refresh replaces the members that differ, so that others stay. */
export function toOperations({ address, before, after }: Change, base: bigint): PatchOperation[] {
  const path = entryPath(address, base);
  if (!after) return [{ op: "remove", path }];
  if (!before || before.podRef !== after.podRef) return [{ op: "add", path, value: toEntry(after) }];
  const operations: PatchOperation[] = [];
  if (before.containerId !== after.containerId) {
    operations.push({ op: "replace", path: `${path}/id`, value: after.containerId });
  }
  if (before.ifName !== after.ifName) operations.push({ op: "add", path: `${path}/ifname`, value: after.ifName });
  return operations;
}
