/**
 * The networks whose addresses the cluster itself uses: those of pods, Services and nodes.
 *
 * @module
 */
import type { ClusterNetwork } from "../../src/controllers/cluster.ts";
import { NotServedError } from "./answer.ts";
import type { ApiServer } from "./api_server.ts";
import type { NodeObject } from "./facts.ts";

/** The used part of a ServiceCIDR (stable since Kubernetes 1.33). */
interface ServiceCidr {
  readonly spec?: { readonly cidrs?: readonly string[] };
}

/** Reads the pod networks and addresses of nodes, and the Service networks where the API server serves them. */
export async function clusterNetworks(api: ApiServer, signal: AbortSignal): Promise<ClusterNetwork[]> {
  const [nodes, services] = await Promise.all([
    api.list<NodeObject>({ resource: "nodes" }, signal),
    api.list<ServiceCidr>({ resource: "servicecidrs" }, signal).catch((error): ServiceCidr[] => {
      if (error instanceof NotServedError) return [];
      throw error;
    }),
  ]);
  return [
    ...nodes.flatMap(({ metadata, spec, status }) => {
      const name = metadata?.name ?? "";
      const pods = spec?.podCIDRs ?? (spec?.podCIDR ? [spec.podCIDR] : []);
      const own = (status?.addresses ?? []).filter(({ type }) => type === "InternalIP").map(({ address }) => address);
      return [
        ...pods.map((cidr) => ({ cidr, what: `the pod network of node ${name}` })),
        ...own.map((ip) => ({ cidr: `${ip}/${ip.includes(":") ? 128 : 32}`, what: `the address of node ${name}` })),
      ];
    }),
    ...services.flatMap(({ spec }) => spec?.cidrs ?? []).map((cidr) => ({ cidr, what: "the Service network" })),
  ];
}
