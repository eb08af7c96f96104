/**
 * NodeSlicePools: the plugin reads them, and takes elastic slices; the controller writes them. Objects have the format of the original:
 * range and size in `spec`, slices in `status`, which is not a subresource. They have no owner references: Kubernetes would delete the
 * object with its attachment while its addresses are in use, and a recreated attachment would get other slices.
 *
 * @module
 */
import { formatCidr, parseCidr } from "../../src/address/cidr.ts";
import type { Feed, SavedSlices, SliceObjects, StoredSlices } from "../../src/controllers/cluster.ts";
import type { Elastic, Slice } from "../../src/pool/slice_assignment.ts";
import { ConflictError, type SliceList } from "../../src/storage/driver.ts";
import type { ApiServer } from "./api_server.ts";
import { annotationPath, annotationsOf, readAnnotations } from "./names.ts";
import {
  API_VERSION,
  CLEAR_MANAGED_FIELDS,
  GROUP,
  type Metadata,
  type NodeSlicePoolObject,
  toSlices,
} from "./resources.ts";

const resource = "nodeslicepools";
const WRITER = { fieldManager: "whereabouts-controller" };
/** Marks objects that we created. */
const LABEL = { "app.kubernetes.io/managed-by": "whereabouts-controller" } as const;
/** Counts assignments. An annotation, because the original's controller keeps annotations when it writes, but not members of `status`. */
const EPOCH = `${GROUP}/epoch`;
/** The reason why nothing is allocated from the slices. */
const REFUSED = `${GROUP}/refused`;
/** The term of the leader that may write. */
const TERM = `${GROUP}/term`;
/** `true` if nodes may take free slices; otherwise why not. Absent unless slices are elastic. */
const ELASTIC = `${GROUP}/elastic`;

interface OwnedObject extends NodeSlicePoolObject {
  readonly metadata: Metadata & {
    readonly labels?: Readonly<Record<string, string>>;
    readonly creationTimestamp?: string;
    readonly ownerReferences?: readonly { readonly kind?: string }[];
  };
}

/** A NodeSlicePool; undefined if it does not exist. */
export async function findSlices(api: ApiServer, name: string, signal: AbortSignal): Promise<SliceList | undefined> {
  const object = await api.request<NodeSlicePoolObject>({ verb: "get", resource, name }, signal);
  if (!object) return undefined;
  const { metadata, spec } = object;
  const elastic = elasticOf(metadata);
  return {
    range: spec?.range ?? "",
    slices: toSlices(object),
    ...refusalOf(metadata),
    ...(elastic !== undefined && { elastic }),
    epoch: epochOf(metadata),
    version: object,
  };
}

/**
 * Assigns a free slice of a list as it was read to a node, in an epoch.
 *
 * @throws {ConflictError} the list changed, or was deleted
 */
export async function takeSlice(
  api: ApiServer,
  { version }: SliceList,
  { node, cidr }: Slice,
  epoch: number,
  signal: AbortSignal,
): Promise<void> {
  const { metadata, status } = version as NodeSlicePoolObject;
  const { name, resourceVersion, managedFields } = metadata;
  const slices = status?.allocations ?? [];
  const text = formatCidr(cidr);
  const isFree = ({ nodeName = "", sliceRange = "" }: typeof slices[number]) => {
    const slice = nodeName === "" ? parseCidr(sliceRange)?.cidr : undefined;
    return slice !== undefined && formatCidr(slice) === text;
  };
  const at = slices.findIndex(isFree);
  if (at < 0) throw new ConflictError(`${api.what({ resource, name })} has no free slice ${text}`);
  const assigned = slices.filter(({ nodeName = "" }) => nodeName !== "").length + 1;
  const body = [
    { op: "test", path: "/metadata/resourceVersion", value: resourceVersion },
    { op: "test", path: `/status/allocations/${at}`, value: slices[at] }, // a restored store uses its versions again
    { op: "add", path: `/status/allocations/${at}/nodeName`, value: node },
    { op: "add", path: "/status/assigned", value: assigned },
    { op: "add", path: "/status/free", value: slices.length - assigned },
    { op: "add", path: annotationPath(EPOCH), value: String(epoch) },
    ...(managedFields?.length ? [CLEAR_MANAGED_FIELDS] : []),
  ];
  const query = { fieldManager: "whereabouts" };
  const patched = await api.request({ verb: "patch", resource, name, query, body, metadataOnly: true }, signal);
  if (!patched) throw new ConflictError(`${api.what({ resource, name })} was deleted meanwhile`);
}

function elasticOf({ annotations = {} }: Metadata): Elastic | undefined {
  const { [ELASTIC]: text } = annotations;
  return text === "true" ? true : text || undefined;
}

function epochOf({ annotations = {} }: Metadata): number {
  return /^\d{1,15}$/.test(annotations[EPOCH] ?? "") ? Number(annotations[EPOCH]) : 0;
}

/** The reason why nothing is allocated from an object's slices, if it has one. */
function refusalOf({ annotations = {} }: Metadata): { readonly refused?: string } {
  const { [REFUSED]: refused } = annotations;
  return refused ? { refused } : {};
}

/** The NodeSlicePools of our namespace, which the feed lists and watches. */
export function nodeSlicePools(api: ApiServer, feed: Feed<StoredSlices>): SliceObjects {
  return {
    ...feed,
    save: async (wanted, last, signal) => {
      const { name } = wanted;
      if (!last) {
        const body = { apiVersion: API_VERSION, kind: "NodeSlicePool", ...toObject(wanted) };
        await api.request({ verb: "create", resource, name, query: WRITER, body, metadataOnly: true }, signal);
        return;
      }
      const { metadata, spec, status } = toObject(wanted);
      const body = [
        { op: "test", path: "/metadata/resourceVersion", value: last.version },
        { op: "add", path: "/spec", value: spec },
        { op: "add", path: "/status", value: status },
        { op: "add", path: "/metadata/labels", value: metadata.labels },
        { op: "add", path: "/metadata/annotations", value: metadata.annotations },
        { op: "add", path: "/metadata/ownerReferences", value: [] },
        CLEAR_MANAGED_FIELDS,
      ];
      await api.request({ verb: "patch", resource, name, query: WRITER, body, metadataOnly: true }, signal);
    },
    claim: async ({ name, version }, term, signal) => {
      const body = [
        { op: "test", path: "/metadata/resourceVersion", value: version },
        { op: "add", path: annotationPath(TERM), value: term },
        CLEAR_MANAGED_FIELDS,
      ];
      await api.request({ verb: "patch", resource, name, query: WRITER, body, metadataOnly: true }, signal);
    },
    remove: async ({ name, version }, signal) => {
      const preconditions = { resourceVersion: version };
      const body = { apiVersion: "v1", kind: "DeleteOptions", preconditions };
      await api.request({ verb: "delete", resource, name, body, metadataOnly: true }, signal);
    },
  };
}

/** Decodes an object. */
export function toStored(object: OwnedObject): StoredSlices {
  const { metadata, spec = {} } = object;
  return {
    name: metadata.name,
    range: spec.range ?? "",
    size: spec.sliceSize ?? "",
    slices: toSlices(object),
    epoch: epochOf(metadata),
    network: readAnnotations(metadata)?.network,
    refused: refusalOf(metadata).refused,
    elastic: elasticOf(metadata),
    term: metadata.annotations?.[TERM],
    created: metadata.creationTimestamp ?? "",
    managed: Object.entries(LABEL).every(([key, value]) => metadata.labels?.[key] === value) ||
      metadata.ownerReferences?.some(({ kind }) => kind === "NetworkAttachmentDefinition") === true,
    collected: (metadata.ownerReferences ?? []).length > 0,
    version: metadata.resourceVersion,
  };
}

function toObject({ name, network, range, size, slices, epoch, refused, elastic, term }: SavedSlices) {
  const annotations = {
    ...annotationsOf({ network }),
    [EPOCH]: String(epoch),
    ...(refused !== undefined && { [REFUSED]: refused }),
    ...(elastic !== undefined && { [ELASTIC]: String(elastic) }),
    ...(term !== undefined && { [TERM]: term }),
  };
  const assigned = slices.filter(({ node }) => node !== "").length;
  return {
    metadata: { name, labels: LABEL, annotations },
    spec: { range, sliceSize: size },
    status: {
      allocations: slices.map(({ node, cidr }) => ({ nodeName: node, sliceRange: formatCidr(cidr) })),
      assigned, // the counts are for kubectl alone; the original's controller removes them
      free: slices.length - assigned,
    },
  };
}
