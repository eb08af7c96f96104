/**
 * Events of `v1` about objects of the cluster.
 *
 * @module
 */
import { parseIp } from "../../src/address/ip.ts";
import type { ClusterEvent, Regarding } from "../../src/controllers/cluster.ts";
import { ConflictError, RefusedError } from "../../src/storage/driver.ts";
import type { World } from "../../src/world/world.ts";
import type { ApiServer } from "./api_server.ts";
import { objectName, reservationName } from "./names.ts";
import { type ApiResource, OWN, RESOURCES } from "./resources.ts";

/** The source of the events. */
const COMPONENT = "whereabouts-controller";
/** Max characters of a message in the API. */
const MAX_MESSAGE = 1024;
/** Max characters of the object's name in the event's name, which has at most 253. */
const MAX_NAME = 230;
/** Characters of the digest after it. */
const DIGEST = 16;

/** The object of an event. Cluster-scoped objects have no namespace. */
interface Target {
  readonly resource: ApiResource;
  readonly namespace?: string;
  readonly name: string;
  readonly uid?: string;
}

/**
 * Writes events. Those about our own objects are in our namespace. The name of an event depends on its content, so that another write, even
 * by another process, renews it. A record that is not an object of the API has no event.
 */
export function makeEvents(
  api: ApiServer,
  world: Pick<World, "now" | "digest">,
): (event: ClusterEvent, signal: AbortSignal) => Promise<void> {
  return async (event, signal) => {
    const target = targetOf(event.regarding, api.namespace);
    if (!target) return;
    const { resource, ...rest } = target.uid === undefined ? await withUid(api, target, signal) : target;
    const object = { ...RESOURCES[resource], ...rest };
    // the API server requires `default` for events about objects without a namespace
    const namespace = object.namespace ?? "default";
    const { type, reason } = event;
    const message = event.message.slice(0, MAX_MESSAGE);
    const digest = await world.digest(JSON.stringify([object, type, reason, message]));
    const name = `${object.name.slice(0, MAX_NAME)}.${digest.slice(0, DIGEST)}`;
    const now = new Date(world.now()).toISOString();
    const body = {
      ...RESOURCES.events,
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
    const what = `the event ${reason} of ${api.what(target)}`;
    const write = { resource: "events", namespace, name, what } as const;
    try {
      await api.request({ ...write, verb: "create", body }, signal);
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      const renewal = [{ op: "replace", path: "/lastTimestamp", value: now }];
      await api.request({ ...write, verb: "patch", body: renewal }, signal);
    }
  };
}

/** The resources of objects that are not ours and have a namespace. */
const OTHERS = {
  Pod: "pods",
  IPAMClaim: "ipamclaims",
  NetworkAttachmentDefinition: "network-attachment-definitions",
} as const;

function targetOf(regarding: Regarding, namespace: string): Target | undefined {
  switch (regarding.kind) {
    case "Pod":
    case "IPAMClaim":
    case "NetworkAttachmentDefinition": {
      const { kind, ...rest } = regarding;
      return { resource: OTHERS[kind], ...rest };
    }
    case "IPPool":
      return { resource: "ippools", namespace, name: objectName(regarding.pool) };
    case "OverlappingRangeIPReservation": {
      const ip = parseIp(regarding.address);
      const resource = "overlappingrangeipreservations";
      return ip && { resource, namespace, name: reservationName(regarding.network, ip) };
    }
    case "NodeSlicePool":
      return { resource: "nodeslicepools", namespace, name: regarding.name };
    case "Stored": {
      const [kind = "", name = ""] = regarding.where.split(" ");
      if (kind === RESOURCES.customresourcedefinitions.kind) return { resource: "customresourcedefinitions", name };
      const resource = OWN.find((one) => RESOURCES[one].kind === kind);
      return resource && { resource, namespace, name };
    }
  }
}

/** Adds the uid of the current object, unless the object is missing or may not be read. */
async function withUid(api: ApiServer, target: Target, signal: AbortSignal): Promise<Target> {
  try {
    const request = { ...target, verb: "get", metadataOnly: true } as const;
    const found = await api.request<{ readonly metadata?: { readonly uid?: unknown } }>(request, signal);
    const uid = found?.metadata?.uid;
    return typeof uid === "string" ? { ...target, uid } : target;
  } catch (error) {
    if (error instanceof RefusedError) return target;
    throw error;
  }
}
