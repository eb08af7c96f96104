/**
 * IPAMClaims (`k8s.cni.cncf.io`) of the whole cluster, and their status.
 *
 * @module
 */
import type { ClaimName, ClaimObjects } from "../../src/controllers/cluster.ts";
import type { ClaimFacts } from "../../src/pool/claim_status.ts";
import type { Condition } from "../../src/pool/condition.ts";
import { ConflictError } from "../../src/storage/driver.ts";
import type { ApiServer } from "./api_server.ts";
import type { Metadata } from "./resources.ts";

/** The used part of an IPAMClaim. Definitions before v0.5 know only `ips`. */
interface IpamClaimObject {
  readonly metadata?: Partial<Metadata>;
  readonly status?: {
    readonly ips?: readonly unknown[];
    readonly ownerPod?: { readonly name?: unknown };
    readonly conditions?: readonly Condition[];
  };
}

/** The IPAMClaims that an API server stores. */
export function ipamClaims(api: ApiServer): ClaimObjects {
  return {
    list: async (signal) => (await api.list<IpamClaimObject>({ resource: "ipamclaims" }, signal)).map(toClaimFacts),
    saveStatus: async ({ namespace, name, uid, version }, status, signal) => {
      const target = { resource: "ipamclaims", subresource: "status", namespace, name } as const;
      const body = [
        { op: "test", path: "/metadata/uid", value: uid },
        { op: "test", path: "/metadata/resourceVersion", value: version },
        { op: "add", path: "/status", value: status },
      ];
      if (await api.request({ ...target, verb: "patch", body }, signal)) return;
      throw new ConflictError(`${api.what(target)} was deleted meanwhile`);
    },
  };
}

/** Identifies a claim. */
export function toClaimName(object: IpamClaimObject): ClaimName {
  const { namespace, name, uid } = toClaimFacts(object);
  return { namespace, name, uid };
}

function toClaimFacts({ metadata = {}, status = {} }: IpamClaimObject): ClaimFacts {
  const { namespace = "", name = "", uid = "", resourceVersion = "" } = metadata;
  const { ips = [], ownerPod, conditions = [] } = status;
  return {
    namespace,
    name,
    uid,
    version: resourceVersion,
    ips: ips.filter((one) => typeof one === "string"),
    ...(typeof ownerPod?.name === "string" && ownerPod.name !== "" && { ownerPod: ownerPod.name }),
    conditions,
  };
}
