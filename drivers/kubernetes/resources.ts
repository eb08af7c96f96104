/**
 * The custom resources as JSON, and their conversion. Group `whereabouts.cni.cncf.io`, version `v1alpha1`, as in the original.
 *
 * @module
 */
import { type Cidr, parseCidr } from "../../src/address/cidr.ts";
import { type Ip, maxValue } from "../../src/address/ip.ts";
import type { Slice } from "../../src/pool/slice_assignment.ts";
import type { Allocation, Owner } from "../../src/pool/types.ts";
import type { Reservation } from "../../src/storage/driver.ts";
import { decodeFacts, encodeFacts, type StoredFacts } from "../../src/storage/facts.ts";

/** API group of the custom resources. */
export const GROUP = "whereabouts.cni.cncf.io";
/** `apiVersion` of the custom resources. */
export const API_VERSION = `${GROUP}/v1alpha1`;

/** The group, version and kind of every resource that is requested, by its name in paths. */
export const RESOURCES = {
  ippools: { apiVersion: API_VERSION, kind: "IPPool" },
  overlappingrangeipreservations: { apiVersion: API_VERSION, kind: "OverlappingRangeIPReservation" },
  nodeslicepools: { apiVersion: API_VERSION, kind: "NodeSlicePool" },
  pods: { apiVersion: "v1", kind: "Pod" },
  nodes: { apiVersion: "v1", kind: "Node" },
  events: { apiVersion: "v1", kind: "Event" },
  leases: { apiVersion: "coordination.k8s.io/v1", kind: "Lease" },
  resourceclaims: { apiVersion: "resource.k8s.io/v1", kind: "ResourceClaim" },
  servicecidrs: { apiVersion: "networking.k8s.io/v1", kind: "ServiceCIDR" },
  ipamclaims: { apiVersion: "k8s.cni.cncf.io/v1alpha1", kind: "IPAMClaim" },
  statefulsets: { apiVersion: "apps/v1", kind: "StatefulSet" },
  daemonsets: { apiVersion: "apps/v1", kind: "DaemonSet" },
  deployments: { apiVersion: "apps/v1", kind: "Deployment" },
  cronjobs: { apiVersion: "batch/v1", kind: "CronJob" },
  "network-attachment-definitions": { apiVersion: "k8s.cni.cncf.io/v1", kind: "NetworkAttachmentDefinition" },
  customresourcedefinitions: { apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition" },
  selfsubjectaccessreviews: { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview" },
  /** The API server's list of what it serves: its groups, or the resources of an `apiVersion`. */
  apis: { apiVersion: "", kind: "API" },
} as const;

/** A resource name. */
export type ApiResource = keyof typeof RESOURCES;

/** Our own resources. */
export const OWN = ["ippools", "overlappingrangeipreservations", "nodeslicepools"] as const;
/** The name of one of our own resources. */
export type Resource = typeof OWN[number];

/** Whether a resource is one of ours. */
export function isOwn(resource: ApiResource): resource is Resource {
  return RESOURCES[resource].apiVersion === API_VERSION;
}

/** The used part of an object's metadata. */
export interface Metadata {
  /** Object name. */
  readonly name: string;
  /** Its namespace. */
  readonly namespace?: string;
  /** Changes with each write. */
  readonly resourceVersion?: string;
  /** Differs from that of any other object with the same name. */
  readonly uid?: string;
  /** `names.ts` has ours. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** `blocks.ts` has ours. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The writers of the fields: they double an IPPool, so they are cleared. */
  readonly managedFields?: readonly unknown[];
}

/** One entry of an IPPool. It may also have members of other releases. Old schemas drop the members that only we write. */
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
    /** `reuse.ts`. */
    readonly reuse?: unknown;
  };
  /** What the controller reports (`pool_statuses.ts`). */
  readonly status?: unknown;
}

/** An OverlappingRangeIPReservation. */
export interface ReservationObject {
  /** Its name contains the address. */
  readonly metadata: Metadata;
  /** The owner. We and releases of the original before v0.8 write `containerid`; only we write `sandbox` and `keeper`. */
  readonly spec?: StoredFacts & { readonly podref?: string; readonly ifname?: string; readonly containerid?: string };
}

/** A NodeSlicePool. */
export interface NodeSlicePoolObject {
  /** Name and version. */
  readonly metadata: Metadata;
  /** The range and the size of its slices. */
  readonly spec?: { readonly range?: string; readonly sliceSize?: string };
  /** Slices and their nodes; a slice with an empty node name is unassigned. */
  readonly status?: { readonly allocations?: readonly { readonly nodeName?: string; readonly sliceRange?: string }[] };
}

/** A page of a list. */
export interface Page<T> {
  /** The objects. */
  readonly items: readonly T[];
  /** `continue`: where the next page starts; `resourceVersion`: from where to watch. */
  readonly metadata?: { readonly continue?: string; readonly resourceVersion?: string };
}

/** A list as a table, `meta.k8s.io/v1`. Every resource has a column of its names. */
export interface Table {
  /** The columns. */
  readonly columnDefinitions?: readonly { readonly format?: string }[];
  /** The objects. An empty list may lack them, or have null. */
  readonly rows?: readonly { readonly cells?: readonly unknown[] }[] | null;
}

/** The names of a table's objects; undefined if it is no table with names. */
export function namesOf(table: Table | undefined): string[] | undefined {
  const column = table?.columnDefinitions?.findIndex(({ format }) => format === "name") ?? -1;
  const names = (table?.rows ?? []).map(({ cells }) => cells?.[column]);
  return column >= 0 && names.every((name) => typeof name === "string") ? names : undefined;
}

/** One operation of a JSON Patch (RFC 6902). */
export interface PatchOperation {
  /** The operation. */
  readonly op: "add" | "remove" | "replace" | "test";
  /** JSON pointer (RFC 6901). */
  readonly path: string;
  /** For all but `remove`. */
  readonly value?: unknown;
}

/** On a single empty element, the API server deletes the managed fields, and records none from then on. */
export const CLEAR_MANAGED_FIELDS: PatchOperation = { op: "add", path: "/metadata/managedFields", value: [{}] };

/** The address that offsets into a stored range count from: as written, not masked. Undefined if the range is invalid. */
export function baseOf(range: string): { readonly base: Ip; readonly cidr: Cidr } | undefined {
  const parsed = parseCidr(range);
  return parsed && { base: parsed.ip, cidr: parsed.cidr };
}

/** The decoded entries of an IPPool. */
export interface Entries {
  /** The allocations, by address. */
  readonly allocations: Map<bigint, Allocation>;
  /** Keys in a form that we do not write (`+1`, `01`), by address: the original reads them, so their addresses are in use. */
  readonly oddKeys: ReadonlyMap<bigint, string>;
}

/** Reads entries. Keys that are not offsets into the family are skipped; they stay in the object. */
export function decodeEntries(entries: PoolEntries, base: Ip): Entries {
  const allocations = new Map<bigint, Allocation>();
  const oddKeys = new Map<bigint, string>();
  for (const [key, entry] of Object.entries(entries)) {
    const address = addressOf(key, base);
    if (address === undefined) continue;
    const odd = key !== String(address - base.value);
    if (odd && allocations.has(address)) continue;
    if (odd) oddKeys.set(address, key);
    else oddKeys.delete(address);
    allocations.set(address, decodeEntry(address, entry));
  }
  return { allocations, oddKeys };
}

/** The address of an entry's key; undefined if it is no offset into the family. */
export function addressOf(key: string, base: Ip): bigint | undefined {
  if (!/^\+?\d{1,39}$/.test(key)) return undefined;
  const address = base.value + BigInt(key.replace("+", ""));
  return address > maxValue(base.family) ? undefined : address;
}

function decodeEntry(address: bigint, entry: PoolEntry | null): Allocation {
  const [id, podRef, ifName] = [textOf(entry?.id), textOf(entry?.podref), textOf(entry?.ifname)];
  return { address, podRef, ifName, containerId: id, ...decodeFacts(id, entry ?? {}) };
}

/** An older schema accepts values other than text. No plugin writes them, and they identify no owner. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The entry of an allocation. An unknown interface is omitted, as in the original. */
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

/** Decodes an object to a reservation with its token. */
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
  // joined: a template keeps its parts in memory as long as itself, of each of 100,000 reservations
  return { ...reservation, token: [uid, resourceVersion, name].join("/") };
}

/** The slices of a NodeSlicePool; invalid ones are skipped. */
export function toSlices({ status }: NodeSlicePoolObject): Slice[] {
  return (status?.allocations ?? []).flatMap(({ nodeName = "", sliceRange = "" }) => {
    const cidr = parseCidr(sliceRange)?.cidr;
    return cidr ? [{ node: nodeName, cidr }] : [];
  });
}
