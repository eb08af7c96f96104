/**
 * A Lease of `coordination.k8s.io/v1`, as the reference client's leader election writes it.
 *
 * @module
 */
import { LEASE_SECONDS, type LeaseState, type LeaseStore } from "../../src/controllers/cluster.ts";
import { ConflictError } from "../../src/storage/driver.ts";
import type { World } from "../../src/world/world.ts";
import type { ApiServer } from "./api_server.ts";
import { RESOURCES } from "./resources.ts";

/** The used part of a Lease. Its other members are written back unchanged. */
interface LeaseObject {
  readonly metadata?: { readonly resourceVersion?: string };
  readonly spec?: { readonly holderIdentity?: string; readonly leaseTransitions?: number };
}

/** The Lease of a name. The first write creates it. */
export function makeLease(api: ApiServer, world: Pick<World, "now">, namespace: string, name: string): LeaseStore {
  let known: LeaseObject | undefined;
  const target = { resource: "leases", namespace, name } as const;
  const keep = (lease: LeaseObject): LeaseState => {
    known = lease;
    return { holder: lease.spec?.holderIdentity ?? "", version: lease.metadata?.resourceVersion ?? "" };
  };
  return {
    read: async (signal) => {
      const lease = await api.request<LeaseObject>({ ...target, verb: "get" }, signal);
      return lease && keep(lease);
    },
    write: async (holder, last, signal) => {
      const now = new Date(world.now()).toISOString().replace("Z", "000Z"); // a MicroTime has microseconds
      const before = last && known?.spec;
      const isAcquired = holder !== "" && before?.holderIdentity !== holder;
      const spec = {
        ...before,
        holderIdentity: holder,
        leaseDurationSeconds: LEASE_SECONDS,
        renewTime: now,
        ...(isAcquired && { acquireTime: now, leaseTransitions: (before?.leaseTransitions ?? 0) + (before ? 1 : 0) }),
      };
      const body = { ...RESOURCES.leases, metadata: { ...(last && known?.metadata), name, namespace }, spec };
      const written = await api.request<LeaseObject>({ ...target, verb: last ? "update" : "create", body }, signal);
      if (written) return keep(written);
      throw new ConflictError(`${api.what(target)} was deleted meanwhile`);
    },
  };
}
