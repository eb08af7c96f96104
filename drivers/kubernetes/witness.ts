/**
 * Reads the evidence that may free an address: one pod, one node with its Lease, the ResourceClaims of a namespace, and one keeper, each from
 * the API server itself.
 *
 * @module
 */
import type { Cluster } from "../../src/controllers/cluster.ts";
import { RefusedError } from "../../src/storage/driver.ts";
import type { ApiServer } from "./api_server.ts";
import { findKeeper } from "./keepers.ts";
import { canonical, type LeaseObject, type NodeObject, type PodObject, toNodeState, toPodFacts } from "./facts.ts";

/** Namespace of the Leases that kubelets renew (KEP-589). */
const NODE_LEASES = "kube-node-lease";
/** API group of ResourceClaims (dynamic resource allocation). */
const CLAIM_GROUP = "resource.k8s.io";

/** The used part of a ResourceClaim: the same in `v1`, `v1beta2` and `v1beta1`. */
interface ResourceClaim {
  readonly metadata?: {
    readonly ownerReferences?: readonly { readonly kind?: string; readonly name?: string }[];
  };
  readonly status?: {
    readonly reservedFor?: readonly {
      readonly apiGroup?: string;
      readonly resource?: string;
      readonly name?: string;
    }[];
    readonly devices?: readonly { readonly networkData?: { readonly ips?: readonly string[] } }[];
  };
}

/** Reads evidence from an API server. */
export function makeWitness(api: ApiServer): Required<Pick<Cluster, "findPod" | "findNode" | "claims" | "findKeeper">> {
  return {
    findPod: async (podRef, signal) => {
      const [namespace = "", name = ""] = podRef.split("/");
      if (!namespace || !name) {
        throw new RefusedError(`Cannot read pod ${JSON.stringify(podRef)}: expected NAMESPACE/NAME`);
      }
      const pod = await api.request<PodObject>({ verb: "get", resource: "pods", namespace, name }, signal);
      return pod && toPodFacts(pod);
    },
    findNode: async (name, signal) => {
      const node = await api.request<NodeObject>({ verb: "get", resource: "nodes", name }, signal);
      return node && toNodeState(node, await leaseOf(api, name, signal));
    },
    findKeeper: (keeper, namespace, signal) => findKeeper(api, keeper, namespace, signal),
    claims: async (namespace, signal) => {
      const apiVersion = await claimVersion(api, signal);
      return apiVersion === undefined ? undefined : await claimedAddresses(api, apiVersion, namespace, signal);
    },
  };
}

/** The Lease of a node. One that may not be read counts as missing. */
async function leaseOf(api: ApiServer, name: string, signal: AbortSignal): Promise<LeaseObject | undefined> {
  try {
    return await api.request<LeaseObject>({ verb: "get", resource: "leases", namespace: NODE_LEASES, name }, signal);
  } catch (error) {
    if (error instanceof RefusedError) return undefined;
    throw error;
  }
}

/** The used part of the API server's list of what it serves. */
interface Served {
  readonly groups?: readonly { readonly name?: string; readonly versions?: readonly { readonly version?: string }[] }[];
  readonly resources?: readonly { readonly name?: string }[];
}

/**
 * The `apiVersion` of ResourceClaims, from the API server's own list of what it serves.
 *
 * @returns undefined if it does not serve them
 */
async function claimVersion(api: ApiServer, signal: AbortSignal): Promise<string | undefined> {
  const served = async (apiVersion: string) => {
    const what = `/apis${apiVersion && `/${apiVersion}`}, which shows whether ResourceClaims exist`;
    return await api.request<Served>({ verb: "get", resource: "apis", apiVersion, what }, signal) ?? {};
  };
  const { groups } = await served("");
  if (!Array.isArray(groups)) throw new RefusedError("The API server's list of API groups is incomplete");
  for (const { version } of groups.find(({ name }) => name === CLAIM_GROUP)?.versions ?? []) {
    const apiVersion = `${CLAIM_GROUP}/${version}`;
    const { resources } = await served(apiVersion);
    if (!Array.isArray(resources)) throw new RefusedError(`The API server's list of ${apiVersion} is incomplete`);
    if (resources.some(({ name }) => name === "resourceclaims")) return apiVersion;
  }
  return undefined;
}

/** The addresses in the ResourceClaims of a namespace, by podRef. A claim belongs to a pod if it is reserved or was created for the pod. */
async function claimedAddresses(
  api: ApiServer,
  apiVersion: string,
  namespace: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const byPod = new Map<string, Set<string>>();
  for (const claim of await api.list<ResourceClaim>({ resource: "resourceclaims", apiVersion, namespace }, signal)) {
    for (const name of podsOf(claim)) {
      const podRef = `${namespace}/${name}`;
      byPod.set(podRef, new Set([...byPod.get(podRef) ?? [], ...addressesOf(claim)]));
    }
  }
  return byPod;
}

function podsOf({ metadata, status }: ResourceClaim): string[] {
  const reserved = status?.reservedFor?.filter(({ resource, apiGroup }) => resource === "pods" && !apiGroup) ?? [];
  const owners = metadata?.ownerReferences?.filter(({ kind }) => kind === "Pod") ?? [];
  return [...reserved, ...owners].flatMap(({ name }) => name === undefined ? [] : [name]);
}

function addressesOf({ status }: ResourceClaim): string[] {
  return (status?.devices ?? []).flatMap(({ networkData }) => networkData?.ips ?? []).map(canonical);
}
