/**
 * Reading what may free an address: one pod, one node with its Lease, and the ResourceClaims of a namespace, each directly.
 *
 * @module
 */
import { formatIp, parseIp } from "../../src/address/ip.ts";
import type { Cluster } from "../../src/controllers/cluster.ts";
import { RefusedError } from "../../src/storage/driver.ts";
import { type LeaseObject, type NodeObject, type PodObject, toNodeState, toPodFacts } from "./facts.ts";
import type { ApiReader } from "./reader.ts";

/** Namespace of the Leases that kubelets renew (KEP-589). */
const NODE_LEASES = "kube-node-lease";
/** API group of ResourceClaims, as of dynamic resource allocation. */
const CLAIM_GROUP = "resource.k8s.io";
/** Claims of a page. */
const PAGE = 500;

/** A ResourceClaim, as far as it is read: the same in `v1`, `v1beta2` and `v1beta1`. */
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
export function makeWitness(reader: ApiReader): Required<Pick<Cluster, "findPod" | "findNode" | "claims">> {
  return {
    findPod: async (podRef, signal) => {
      const [namespace = "", name = ""] = podRef.split("/");
      if (!namespace || !name) {
        throw new RefusedError(`Cannot read pod ${JSON.stringify(podRef)}: expected NAMESPACE/NAME`);
      }
      const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}`;
      const pod = await reader.json({ path, what: `pod ${podRef}`, object: { resource: "pods", name } }, signal);
      return pod === undefined ? undefined : toPodFacts(pod as PodObject);
    },
    findNode: async (name, signal) => {
      const path = `/api/v1/nodes/${encodeURIComponent(name)}`;
      const node = await reader.json({ path, what: `node ${name}`, object: { resource: "nodes", name } }, signal);
      return node === undefined ? undefined : toNodeState(node as NodeObject, await leaseOf(reader, name, signal));
    },
    claims: async (namespace, signal) => {
      const version = await claimVersion(reader, signal);
      return version === undefined ? undefined : await claimedAddresses(reader, version, namespace, signal);
    },
  };
}

/** A Lease that may not be read is as good as one that is not renewed. */
async function leaseOf(reader: ApiReader, name: string, signal: AbortSignal): Promise<LeaseObject | undefined> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${NODE_LEASES}/leases/${encodeURIComponent(name)}`;
  const question = { path, what: `Lease ${NODE_LEASES}/${name}`, object: { resource: "leases", name } };
  try {
    return await reader.json(question, signal) as LeaseObject | undefined;
  } catch (error) {
    if (error instanceof RefusedError) return undefined;
    throw error;
  }
}

/**
 * The version of the group that has ResourceClaims, by the API server's own list of what it serves.
 *
 * @returns undefined where it has none
 */
async function claimVersion(reader: ApiReader, signal: AbortSignal): Promise<string | undefined> {
  const list = await discover(reader, "/apis", "API groups", signal) as {
    readonly groups?: readonly {
      readonly name?: string;
      readonly versions?: readonly { readonly version?: string }[];
    }[];
  };
  if (!Array.isArray(list.groups)) throw new RefusedError("The API server's list of API groups is not whole");
  for (const { version } of list.groups.find(({ name }) => name === CLAIM_GROUP)?.versions ?? []) {
    const path = `/apis/${CLAIM_GROUP}/${version}`;
    const served = await discover(reader, path, `resources of ${CLAIM_GROUP}/${version}`, signal) as {
      readonly resources?: readonly { readonly name?: string }[];
    };
    if (!Array.isArray(served.resources)) throw new RefusedError(`The API server's list of ${path} is not whole`);
    if (served.resources.some(({ name }) => name === "resourceclaims")) return version;
  }
  return undefined;
}

async function discover(reader: ApiReader, path: string, what: string, signal: AbortSignal): Promise<object> {
  const found = await reader.json({ path, what }, signal);
  if (typeof found === "object" && found !== null) return found;
  throw new RefusedError(`The API server does not serve ${path}, so it is unknown whether ResourceClaims exist`);
}

/** What the claims of a namespace hold, by podRef. A claim is a pod's where it is reserved for it, or was made for it. */
async function claimedAddresses(
  reader: ApiReader,
  version: string,
  namespace: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const held = new Map<string, Set<string>>();
  for (let next = "";;) {
    const query = new URLSearchParams({ limit: `${PAGE}`, ...(next && { continue: next }) });
    const path = `/apis/${CLAIM_GROUP}/${version}/namespaces/${encodeURIComponent(namespace)}/resourceclaims?${query}`;
    const page = await reader.json({ path, what: `resourceclaims of namespace ${namespace}` }, signal) as {
      readonly items?: readonly ResourceClaim[];
      readonly metadata?: { readonly continue?: string };
    } | undefined;
    if (!Array.isArray(page?.items)) {
      throw new RefusedError(`The API server's list of resourceclaims of namespace ${namespace} is not whole`);
    }
    for (const claim of page.items as readonly ResourceClaim[]) {
      for (const name of podsOf(claim)) {
        const podRef = `${namespace}/${name}`;
        held.set(podRef, new Set([...held.get(podRef) ?? [], ...addressesOf(claim)]));
      }
    }
    next = page.metadata?.continue ?? "";
    if (!next) return held;
  }
}

function podsOf({ metadata, status }: ResourceClaim): string[] {
  const reserved = status?.reservedFor?.filter(({ resource, apiGroup }) => resource === "pods" && !apiGroup) ?? [];
  const owners = metadata?.ownerReferences?.filter(({ kind }) => kind === "Pod") ?? [];
  return [...reserved, ...owners].flatMap(({ name }) => name === undefined ? [] : [name]);
}

function addressesOf({ status }: ResourceClaim): string[] {
  return (status?.devices ?? []).flatMap(({ networkData }) => networkData?.ips ?? []).map((text) => {
    const ip = parseIp(text.split("/", 1)[0] ?? "");
    return ip ? formatIp(ip) : text;
  });
}
