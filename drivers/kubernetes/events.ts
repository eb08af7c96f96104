/**
 * Events of `v1` beside the objects they concern.
 *
 * @module
 */
import type { ClusterEvent } from "../../src/controllers/cluster.ts";
import type { World } from "../../src/world/world.ts";
import { ending, type GetLibrary, toStoreError } from "./library.ts";
import { poolName } from "./names.ts";
import { API_VERSION } from "./resources.ts";

/** Who writes them. */
const COMPONENT = "whereabouts-controller";
/** Longest message the API takes. */
const LONGEST = 1024;

/** Writes events; those that concern our own objects into the namespace of these. */
export function makeEvents(
  library: GetLibrary,
  world: World,
  ownNamespace: string,
): (event: ClusterEvent, signal: AbortSignal) => Promise<void> {
  return async (event, signal) => {
    const { module, config } = await library();
    const api = config.makeApiClient(module.CoreV1Api);
    const object = referenceOf(event.regarding, ownNamespace);
    const now = new Date(world.now());
    const suffix = Math.floor(world.random() * 2 ** 48).toString(16).padStart(12, "0");
    const body = {
      metadata: { name: `${object.name.slice(0, 230)}.${suffix}`, namespace: object.namespace },
      involvedObject: object,
      type: event.type,
      reason: event.reason,
      message: event.message.slice(0, LONGEST),
      source: { component: COMPONENT },
      reportingComponent: COMPONENT,
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    };
    try {
      await api.createNamespacedEvent({ namespace: object.namespace, body }, ending(module, signal));
    } catch (error) {
      throw toStoreError(
        error,
        `record the event ${event.reason} of ${object.kind} ${object.namespace}/${object.name}`,
      );
    }
  };
}

function referenceOf(regarding: ClusterEvent["regarding"], ownNamespace: string) {
  switch (regarding.kind) {
    case "Pod":
      return { apiVersion: "v1", ...regarding };
    case "NetworkAttachmentDefinition":
      return { apiVersion: "k8s.cni.cncf.io/v1", ...regarding };
    case "IPPool":
      return { apiVersion: API_VERSION, kind: "IPPool", namespace: ownNamespace, name: poolName(regarding.key) };
  }
}
