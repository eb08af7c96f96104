/**
 * The parts of objects that a report contains, by an allow list: what is not named here is left out.
 *
 * @module
 */
import type { RawKind } from "../controllers/raw_objects.ts";
import { isObject } from "../values/json.ts";
import { scrub } from "./scrub.ts";
import { shortened, shownNetwork } from "./shown_config.ts";

/** Names of members, each with what is kept of it: everything, some of its members, or those of each element of an array. */
interface Selection {
  readonly [name: string]: true | Selection | ((value: unknown) => unknown);
}

/** Annotations of our group: the network and node of a pool. */
const OWN_ANNOTATION = "whereabouts.cni.cncf.io/";
/** Max characters of a message. */
const MAX_MESSAGE = 2_000;

const message = (value: unknown) => scrub(String(value)).slice(0, MAX_MESSAGE);

const METADATA: Selection = {
  name: true,
  namespace: true,
  uid: true,
  resourceVersion: true,
  generation: true,
  creationTimestamp: true,
  deletionTimestamp: true,
  ownerReferences: { kind: true, name: true, controller: true },
  annotations: (value) =>
    isObject(value)
      ? Object.fromEntries(Object.entries(value).filter(([name]) => name.startsWith(OWN_ANNOTATION)))
      : undefined,
};

const CONDITIONS: Selection = { type: true, status: true, reason: true, lastTransitionTime: true };

/** Environment variables by name only: values may be secrets. */
const CONTAINER: Selection = {
  name: true,
  image: true,
  command: (value) => Array.isArray(value) ? value.map((word) => shortened(String(word))) : undefined,
  args: (value) => Array.isArray(value) ? value.map((word) => shortened(String(word))) : undefined,
  env: { name: true },
  resources: true,
  volumeMounts: { name: true, mountPath: true, readOnly: true },
};

const POD_SPEC: Selection = {
  nodeName: true,
  hostNetwork: true,
  serviceAccountName: true,
  priorityClassName: true,
  nodeSelector: true,
  tolerations: true,
  containers: CONTAINER,
  initContainers: CONTAINER,
  volumes: { name: true, hostPath: { path: true, type: true }, configMap: { name: true } },
};

const STATE: Selection = {
  running: { startedAt: true },
  waiting: { reason: true },
  terminated: { reason: true, exitCode: true, signal: true, startedAt: true, finishedAt: true },
};

const WORKLOAD: Selection = {
  metadata: METADATA,
  spec: {
    replicas: true,
    suspend: true,
    schedule: true,
    updateStrategy: true,
    strategy: true,
    template: { spec: POD_SPEC },
    jobTemplate: { spec: { template: { spec: POD_SPEC } } },
  },
  status: true,
};

const OWN: Selection = { metadata: METADATA, spec: true, status: true };

const BY_KIND: Readonly<Record<RawKind | "pods", Selection>> = {
  ippools: OWN,
  overlappingrangeipreservations: OWN,
  nodeslicepools: OWN,
  ipamclaims: OWN,
  "network-attachment-definitions": {
    metadata: METADATA,
    spec: { config: (value) => shownNetwork(String(value)) },
  },
  daemonsets: WORKLOAD,
  deployments: WORKLOAD,
  cronjobs: WORKLOAD,
  pods: {
    metadata: METADATA,
    spec: POD_SPEC,
    status: {
      phase: true,
      reason: true,
      startTime: true,
      conditions: CONDITIONS,
      containerStatuses: {
        name: true,
        ready: true,
        restartCount: true,
        image: true,
        imageID: true,
        state: STATE,
        lastState: STATE,
      },
    },
  },
  nodes: {
    metadata: METADATA,
    spec: { unschedulable: true, podCIDRs: true, taints: { key: true, effect: true } },
    status: {
      conditions: CONDITIONS,
      nodeInfo: {
        architecture: true,
        containerRuntimeVersion: true,
        kernelVersion: true,
        kubeletVersion: true,
        osImage: true,
      },
    },
  },
  events: {
    metadata: METADATA,
    involvedObject: { kind: true, namespace: true, name: true, uid: true },
    type: true,
    reason: true,
    message,
    count: true,
    firstTimestamp: true,
    lastTimestamp: true,
    eventTime: true,
    source: { component: true, host: true },
    reportingComponent: true,
  },
};

/** What a report contains of an object. */
export function select(kind: RawKind | "pods", object: unknown): unknown {
  return keep(object, BY_KIND[kind]);
}

function keep(value: unknown, selection: Selection): unknown {
  if (Array.isArray(value)) return value.map((one) => keep(one, selection));
  if (!isObject(value)) return undefined;
  const kept = Object.entries(selection).flatMap(([name, how]): [string, unknown][] => {
    const member = value[name];
    if (member === undefined || member === null) return [];
    const shown = how === true ? member : typeof how === "function" ? how(member) : keep(member, how);
    return shown === undefined ? [] : [[name, shown]];
  });
  return Object.fromEntries(kept);
}

/** Kinds of objects that our events are about. */
const OUR_KINDS = new Set([
  "IPPool",
  "OverlappingRangeIPReservation",
  "NodeSlicePool",
  "NetworkAttachmentDefinition",
  "IPAMClaim",
]);

/**
 * Whether an event is about our objects, by one of our programs, or about one of our pods; also a pod's failed sandbox whose message names the
 * plugin.
 *
 * @param pods `namespace/name` of the pods of our programs
 */
export function isOurEvent(event: unknown, pods: ReadonlySet<string>): boolean {
  if (!isObject(event)) return false;
  const about = isObject(event.involvedObject) ? event.involvedObject : {};
  const source = isObject(event.source) ? event.source.component : undefined;
  return OUR_KINDS.has(String(about.kind)) || String(source).startsWith("whereabouts") ||
    pods.has(`${about.namespace}/${about.name}`) || String(event.message).includes("whereabouts");
}
