/**
 * The status of IPPools, a subresource: nodes need no right to write it, and the original's writes keep it. The API server lets no write of
 * a subresource clear `managedFields`; the next commit does.
 *
 * @module
 */
import type { PoolStatusObjects } from "../../src/controllers/cluster.ts";
import type { Condition } from "../../src/pool/condition.ts";
import type { PoolStatus } from "../../src/pool/pool_status.ts";
import { RefusedError } from "../../src/storage/driver.ts";
import { isObject } from "../../src/values/json.ts";
import type { ApiServer } from "./api_server.ts";
import { poolName } from "./names.ts";
import { GROUP } from "./resources.ts";

/** The statuses of the IPPools that an API server stores. */
export function poolStatuses(api: ApiServer): PoolStatusObjects {
  return {
    save: async (key, status, signal) => {
      const body = [{ op: "add", path: "/status", value: status }];
      const pool = { resource: "ippools", name: poolName(key) } as const;
      const query = { fieldManager: "whereabouts-controller" };
      const request = { ...pool, subresource: "status", verb: "patch", query, body, metadataOnly: true } as const;
      // a definition without the subresource is answered as a missing object is; a pool may be created between the two requests
      for (let attempt = 0; attempt < 2; attempt++) {
        if (await api.request(request, signal)) return;
        if (!await api.request({ ...pool, verb: "get", metadataOnly: true }, signal)) return;
      }
      throw new RefusedError(
        `Cannot write the status of ${api.what(pool)}: the CRD ippools.${GROUP} is outdated, it has no status: ` +
          "kubectl apply -f install/manifests/crds (Helm does not update CRDs)",
      );
    },
  };
}

/** Decodes the status of an object. Without one, or with one of another shape, the result is empty: the controller writes it again. */
export function toPoolStatus(value: unknown): { readonly status?: PoolStatus } {
  if (!isObject(value)) return {};
  const { capacity, used, free, conditions } = value;
  const areConditions = Array.isArray(conditions) && conditions.every(isCondition);
  if (!isCount(capacity) || typeof used !== "number" || !isCount(free) || !areConditions) return {};
  return { status: { capacity, used, free, conditions } };
}

function isCount(value: unknown): value is number | string {
  return typeof value === "number" || typeof value === "string";
}

function isCondition(value: unknown): value is Condition {
  return isObject(value) && ["type", "status", "lastTransitionTime"].every((name) => typeof value[name] === "string");
}
