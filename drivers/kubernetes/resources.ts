/**
 * The custom resources as JSON, and their translation. Group `whereabouts.cni.cncf.io`, version `v1alpha1`, as the original has them.
 *
 * @module
 */
import { type Cidr, parseCidr } from "../../src/address/cidr.ts";
import { type Ip, maxValue } from "../../src/address/ip.ts";
import type { Slice } from "../../src/pool/slices.ts";
import type { Allocation, Owner } from "../../src/pool/types.ts";
import type { Reservation } from "../../src/storage/driver.ts";
import { decodeFacts, encodeFacts, type StoredFacts } from "../../src/storage/facts.ts";

/** API group of all of them. */
export const GROUP = "whereabouts.cni.cncf.io";
/** `apiVersion` of all of them. */
export const API_VERSION = `${GROUP}/v1alpha1`;

/** What is requested of an API server, by the resource name that stands in paths: group and version, and kind. */
export const RESOURCES = {
  ippools: { apiVersion: API_VERSION, kind: "IPPool" },
  overlappingrangeipreservations: { apiVersion: API_VERSION, kind: "OverlappingRangeIPReservation" },
  nodeslicepools: { apiVersion: API_VERSION, kind: "NodeSlicePool" },
  pods: { apiVersion: "v1", kind: "Pod" },
  nodes: { apiVersion: "v1", kind: "Node" },
  events: { apiVersion: "v1", kind: "Event" },
  leases: { apiVersion: "coordination.k8s.io/v1", kind: "Lease" },
  resourceclaims: { apiVersion: "resource.k8s.io/v1", kind: "ResourceClaim" },
  "network-attachment-definitions": { apiVersion: "k8s.cni.cncf.io/v1", kind: "NetworkAttachmentDefinition" },
  customresourcedefinitions: { apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition" },
  selfsubjectaccessreviews: { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview" },
  /** What the API server serves: its groups, or with an `apiVersion` the resources of that. */
  apis: { apiVersion: "", kind: "API" },
} as const;

/** A resource name. */
export type ApiResource = keyof typeof RESOURCES;

/** Our own resources. */
export const OWN = ["ippools", "overlappingrangeipreservations", "nodeslicepools"] as const;
/** The name of one of them. */
export type Resource = typeof OWN[number];

/** Whether a resource is one of ours. */
export function isOwn(resource: ApiResource): resource is Resource {
  return RESOURCES[resource].apiVersion === API_VERSION;
}

/** Metadata, as far as it is used. */
export interface Metadata {
  /** Object name. */
  readonly name: string;
  /** Its namespace. */
  readonly namespace?: string;
  /** Changes with each write. */
  readonly resourceVersion?: string;
  /** Another object of the same name has another. */
  readonly uid?: string;
  /** Ours are in `names.ts`. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Who wrote which field: doubles an IPPool, so it is cleared. */
  readonly managedFields?: readonly unknown[];
}

/** One entry of an IPPool. Members of other releases may stand beside these. Old schemas drop `sandbox`. */
export interface PoolEntry extends StoredFacts {
  /** Container id. */
  readonly id?: string;
  /** `namespace/name`; absent before v0.6 of the original. */
  readonly podref?: string;
  /** Interface; absent before v0.8 of the original. */
  readonly ifname?: string;
}

/** Entries by their key: the decimal offset from the address part of the pool's range. */
export type PoolEntries = Readonly<Record<string, PoolEntry | null>>;

/** An IPPool. */
export interface IpPool {
  /** Name and version. */
  readonly metadata: Metadata;
  /** Range, entries, and the epochs of its last closing and opening (`fences.ts`). */
  readonly spec?: {
    readonly range?: string;
    readonly allocations?: PoolEntries;
    readonly closed?: number;
    readonly opened?: number;
  };
}

/** An OverlappingRangeIPReservation. */
export interface ReservationObject {
  /** Its name is the address. */
  readonly metadata: Metadata;
  /** Who holds it. `containerid` is written by us and by releases of the original before v0.8, `sandbox` by us alone. */
  readonly spec?: StoredFacts & { readonly podref?: string; readonly ifname?: string; readonly containerid?: string };
}

/** A NodeSlicePool. */
export interface NodeSlicePoolObject {
  /** Name and version. */
  readonly metadata: Metadata;
  /** The range and the size of its slices. */
  readonly spec?: { readonly range?: string; readonly sliceSize?: string };
  /** Slices and the nodes that have them; an empty name is no node. */
  readonly status?: { readonly allocations?: readonly { readonly nodeName?: string; readonly sliceRange?: string }[] };
}

/** A page of a list. */
export interface Page<T> {
  /** The objects. */
  readonly items: readonly T[];
  /** `continue`: where the next page starts; `resourceVersion`: from where to watch. */
  readonly metadata?: { readonly continue?: string; readonly resourceVersion?: string };
}

/** One operation of a JSON Patch (RFC 6902). */
export interface PatchOperation {
  /** What is done. */
  readonly op: "add" | "remove" | "replace" | "test";
  /** JSON pointer (RFC 6901). */
  readonly path: string;
  /** For all but `remove`. */
  readonly value?: unknown;
}

/** The API server takes a single empty element as "forget them", and keeps none from then on. */
export const CLEAR_MANAGED_FIELDS: PatchOperation = { op: "add", path: "/metadata/managedFields", value: [{}] };

/** Where offsets of a stored range count from: its address as written, not masked. Undefined: the range is none. */
export function baseOf(range: string): { readonly base: Ip; readonly cidr: Cidr } | undefined {
  const parsed = parseCidr(range);
  return parsed && { base: parsed.ip, cidr: parsed.cidr };
}

/** What an IPPool's entries say. */
export interface Entries {
  /** The allocations, by address. */
  readonly allocations: Map<bigint, Allocation>;
  /** Keys that are not written as we write them (`+1`, `01`), by address: the original reads them, so they hold their address. */
  readonly oddKeys: ReadonlyMap<bigint, string>;
}

/** Reads entries. Keys that are no offset into the family are left out; they stay in the object. */
export function decodeEntries(entries: PoolEntries, base: Ip): Entries {
  const allocations = new Map<bigint, Allocation>();
  const oddKeys = new Map<bigint, string>();
  const most = maxValue(base.family);
  for (const [key, entry] of Object.entries(entries)) {
    if (!/^\+?\d{1,39}$/.test(key)) continue;
    const address = base.value + BigInt(key.replace("+", ""));
    if (address > most) continue;
    const odd = key !== String(address - base.value);
    if (odd && allocations.has(address)) continue;
    if (odd) oddKeys.set(address, key);
    else oddKeys.delete(address);
    allocations.set(address, decodeEntry(address, entry));
  }
  return { allocations, oddKeys };
}

function decodeEntry(address: bigint, entry: PoolEntry | null): Allocation {
  const [id, podRef, ifName] = [textOf(entry?.id), textOf(entry?.podref), textOf(entry?.ifname)];
  return { address, podRef, ifName, containerId: id, ...decodeFacts(id, entry ?? {}) };
}

/** An older schema lets in what is no text: nobody wrote it, and it names nobody. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The entry of an allocation. The interface is left out where there is none, as the original does. */
export function encodeEntry(allocation: Allocation): PoolEntry {
  const { containerId, podRef, ifName } = allocation;
  return { id: containerId, podref: podRef, ...(ifName !== "" && { ifname: ifName }), ...encodeFacts(allocation) };
}

/** The `spec` of an owner's reservation. */
export function reservationSpec(owner: Owner): NonNullable<ReservationObject["spec"]> {
  const { podRef, ifName, containerId } = owner;
  return {
    podref: podRef,
    ...(ifName !== "" && { ifname: ifName }),
    ...(containerId !== "" && { containerid: containerId }),
    ...encodeFacts(owner),
  };
}

/** What an object says, with its token. */
export function toReservation(
  { metadata, spec = {} }: ReservationObject,
  { network, ip }: { readonly network: string; readonly ip: Ip },
): Reservation {
  const { podref = "", ifname = "", containerid = "" } = spec;
  const owner = { podRef: podref, ifName: ifname, containerId: containerid, ...decodeFacts(containerid, spec) };
  return withToken({ network, ip, ...owner }, metadata);
}

/** A reservation with the token of its object: `uid/resourceVersion/name`. */
export function withToken(reservation: Reservation, { uid, resourceVersion, name }: Metadata): Reservation {
  return { ...reservation, token: `${uid}/${resourceVersion}/${name}` };
}

/** The slices of a NodeSlicePool; entries that are none are left out. */
export function toSlices({ status }: NodeSlicePoolObject): Slice[] {
  return (status?.allocations ?? []).flatMap(({ nodeName = "", sliceRange = "" }) => {
    const cidr = parseCidr(sliceRange)?.cidr;
    return cidr ? [{ node: nodeName, cidr }] : [];
  });
}
