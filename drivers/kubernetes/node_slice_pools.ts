/**
 * NodeSlicePools: the plugin reads them, the controller writes them. Objects have the format of the original: range and size in `spec`,
 * slices in `status`, which is not a subresource. They have no owner references: Kubernetes would delete the object with its attachment
 * while its addresses are in use, and a recreated attachment would get other slices.
 *
 * @module
 */
import { formatCidr } from "../../src/address/cidr.ts";
import type { Feed, SliceObjects, StoredSlices, WantedSlices } from "../../src/controllers/cluster.ts";
import type { SliceList } from "../../src/storage/driver.ts";
import type { ApiServer } from "./api_server.ts";
import { annotationsOf, readAnnotations } from "./names.ts";
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
  return object && { range: object.spec?.range ?? "", slices: toSlices(object), ...refusalOf(object.metadata) };
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
  const { annotations = {} } = metadata;
  return {
    name: metadata.name,
    range: spec.range ?? "",
    size: spec.sliceSize ?? "",
    slices: toSlices(object),
    epoch: /^\d{1,15}$/.test(annotations[EPOCH] ?? "") ? Number(annotations[EPOCH]) : 0,
    network: readAnnotations(metadata)?.network,
    refused: refusalOf(metadata).refused,
    created: metadata.creationTimestamp ?? "",
    managed: Object.entries(LABEL).every(([key, value]) => metadata.labels?.[key] === value) ||
      metadata.ownerReferences?.some(({ kind }) => kind === "NetworkAttachmentDefinition") === true,
    collected: (metadata.ownerReferences ?? []).length > 0,
    version: metadata.resourceVersion,
  };
}

function toObject({ name, network, range, size, slices, epoch, refused }: WantedSlices) {
  const annotations = {
    ...annotationsOf({ network }),
    [EPOCH]: String(epoch),
    ...(refused !== undefined && { [REFUSED]: refused }),
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
