/**
 * Reads pods and IPAMClaims for the plugin: only for networks that ask for it, because it needs a role of its own.
 *
 * @module
 */
import { hasEnded } from "../../src/pool/pod_owner.ts";
import type { IpamClaim, Workload } from "../../src/pool/workload.ts";
import type { Keeper } from "../../src/pool/types.ts";
import type { Workloads } from "../../src/storage/driver.ts";
import type { ApiServer } from "./api_server.ts";
import { type PodObject, toPodFacts } from "./facts.ts";
import type { Metadata } from "./resources.ts";

/** The used part of an IPAMClaim. */
interface ClaimObject {
  readonly metadata: Metadata & { readonly deletionTimestamp?: string };
  readonly spec?: { readonly network?: unknown; readonly interface?: unknown };
}

/** The reader of an API server. */
export function kubernetesWorkloads(api: ApiServer): Workloads {
  return {
    findPod: async (podRef, signal) => {
      const [namespace = "", name = ""] = podRef.split("/");
      const pod = await api.request<PodObject>({ verb: "get", resource: "pods", namespace, name }, signal);
      return pod && toWorkload(pod);
    },
    findClaim: async (namespace, name, signal) => {
      const claim = await api.request<ClaimObject>({ verb: "get", resource: "ipamclaims", namespace, name }, signal);
      return claim && toClaim(claim);
    },
  };
}

function toWorkload(pod: PodObject): Workload {
  const facts = toPodFacts(pod);
  const { podRef, uid = "", configHash = uid } = facts;
  const { annotations = {}, labels = {}, ownerReferences = [] } = pod.metadata ?? {};
  const set = ownerReferences.find(({ controller, kind, apiVersion }) =>
    controller && kind === "StatefulSet" && apiVersion.startsWith("apps/")
  );
  const text = (member: string, value: string | undefined) => value === undefined ? {} : { [member]: value };
  return {
    podRef,
    uid: configHash,
    ended: hasEnded(facts),
    ...text("networks", annotations["k8s.v1.cni.cncf.io/networks"]),
    ...text("preferredIp", annotations["whereabouts.cni.cncf.io/preferred-ip"]),
    ...(set && { statefulSet: { kind: "StatefulSet", name: set.name, uid: set.uid } satisfies Keeper }),
    ...text("instance", labels["kubevirt.io/created-by"]),
    ...text("machine", annotations["kubevirt.io/domain"]),
    isMigrationTarget: labels["kubevirt.io/migrationJobUID"] !== undefined,
  };
}

function toClaim({ metadata, spec = {} }: ClaimObject): IpamClaim {
  const text = (value: unknown) => typeof value === "string" ? value : "";
  return {
    uid: text(metadata.uid),
    network: text(spec.network),
    ifName: text(spec.interface),
    deleting: metadata.deletionTimestamp !== undefined,
  };
}
