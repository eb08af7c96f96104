/**
 * Events of `v1` beside the objects they concern.
 *
 * @module
 */
import { parseIp } from "../../src/address/ip.ts";
import type { ClusterEvent, Regarding } from "../../src/controllers/cluster.ts";
import { RefusedError } from "../../src/storage/driver.ts";
import type { World } from "../../src/world/world.ts";
import { codeOf, ending, type GetLibrary, toStoreError } from "./library.ts";
import { objectName, reservationName } from "./names.ts";
import type { ApiReader } from "./reader.ts";
import { API_VERSION, KINDS } from "./resources.ts";

/** Who writes them. */
const COMPONENT = "whereabouts-controller";
/** Longest message the API takes. */
const LONGEST = 1024;
/** Characters of the object's name in the event's name, which has 253, and of the digest behind it. */
const LONGEST_NAME = 230;
const DIGEST = 16;

/** What an event is about, as the API names it. Objects of the cluster have no namespace. */
interface Reference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  readonly uid?: string;
}

/** Resource of each kind, in paths. */
const RESOURCES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.entries(KINDS).map(([resource, kind]) => [kind, resource])),
  Pod: "pods",
  NetworkAttachmentDefinition: "network-attachment-definitions",
  CustomResourceDefinition: "customresourcedefinitions",
};

/**
 * Writes events; those that concern our own objects into the namespace of these. One event has one name, so that writing it again, by another
 * process too, renews it. Of what is no object of the API there is no event.
 */
export function makeEvents(
  library: GetLibrary,
  reader: ApiReader,
  world: World,
  ownNamespace: string,
): (event: ClusterEvent, signal: AbortSignal) => Promise<void> {
  return async (event, signal) => {
    const named = referenceOf(event.regarding, ownNamespace);
    if (!named) return;
    const object = named.uid === undefined ? await withUid(reader, named, signal) : named;
    // an event about an object without a namespace is in `default`, as the API server wants it
    const namespace = object.namespace ?? "default";
    const { type, reason } = event;
    const message = event.message.slice(0, LONGEST);
    const digest = await world.digest(JSON.stringify([object, type, reason, message]));
    const name = `${object.name.slice(0, LONGEST_NAME)}.${digest.slice(0, DIGEST)}`;
    const { module, config } = await library();
    const now = new Date(world.now());
    const api = config.makeApiClient(module.CoreV1Api);
    const body = {
      metadata: { name, namespace },
      involvedObject: object,
      type,
      reason,
      message,
      source: { component: COMPONENT },
      reportingComponent: COMPONENT,
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    };
    try {
      await api.createNamespacedEvent({ namespace, body }, ending(module, signal)).catch(async (error) => {
        if (codeOf(error) !== 409) throw error;
        const renewal = [{ op: "replace", path: "/lastTimestamp", value: now.toISOString() }];
        await api.patchNamespacedEvent({ name, namespace, body: renewal }, ending(module, signal));
      });
    } catch (error) {
      throw toStoreError(
        error,
        `record the event ${reason} of ${object.kind} ${object.namespace ?? ""}/${object.name}`,
      );
    }
  };
}

function referenceOf(regarding: Regarding, namespace: string): Reference | undefined {
  const own = (kind: string, name: string) => ({ apiVersion: API_VERSION, kind, namespace, name });
  switch (regarding.kind) {
    case "Pod":
      return { apiVersion: "v1", ...regarding };
    case "NetworkAttachmentDefinition":
      return { apiVersion: "k8s.cni.cncf.io/v1", ...regarding };
    case "IPPool":
      return own("IPPool", objectName(regarding.pool));
    case "OverlappingRangeIPReservation": {
      const ip = parseIp(regarding.address);
      return ip && own(regarding.kind, reservationName(regarding.network, ip));
    }
    case "NodeSlicePool":
      return own(regarding.kind, regarding.name);
    case "Stored": {
      const [kind = "", name = ""] = regarding.where.split(" ");
      if (kind === "CustomResourceDefinition") return { apiVersion: "apiextensions.k8s.io/v1", kind, name };
      return Object.hasOwn(RESOURCES, kind) ? own(kind, name) : undefined;
    }
  }
}

/** With the uid of the object as it is now. Where it is missing, or may not be read, without one. */
async function withUid(reader: ApiReader, reference: Reference, signal: AbortSignal): Promise<Reference> {
  const { apiVersion, kind, namespace, name } = reference;
  const resource = RESOURCES[kind] ?? "";
  const group = apiVersion === "v1" ? "/api/v1" : `/apis/${apiVersion}`;
  const within = namespace === undefined ? "" : `/namespaces/${encodeURIComponent(namespace)}`;
  const question = {
    path: `${group}${within}/${resource}/${encodeURIComponent(name)}`,
    what: `${kind} ${namespace ?? ""}/${name}`,
    object: { resource, name },
  };
  try {
    const found = await reader.json(question, signal) as { readonly metadata?: { readonly uid?: unknown } } | undefined;
    const uid = found?.metadata?.uid;
    return typeof uid === "string" ? { ...reference, uid } : reference;
  } catch (error) {
    if (error instanceof RefusedError) return reference;
    throw error;
  }
}
