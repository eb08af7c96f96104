/**
 * A Lease of `coordination.k8s.io/v1`, as the reference client's leader election writes it.
 *
 * @module
 */
import type { V1Lease } from "@kubernetes/client-node";
import { LEASE_SECONDS, type LeaseState, type LeaseStore } from "../../src/controllers/cluster.ts";
import { ConflictError } from "../../src/storage/driver.ts";
import { codeOf, ending, type GetLibrary, toStoreError } from "./library.ts";

/** The Lease of a name. It is made when it is first written. */
export function makeLease(library: GetLibrary, namespace: string, name: string): LeaseStore {
  let known: V1Lease | undefined;
  const what = `Lease ${namespace}/${name}`;
  const client = async () => {
    const { module, config } = await library();
    return { api: config.makeApiClient(module.CoordinationV1Api), module };
  };
  const keep = (lease: V1Lease): LeaseState => {
    known = lease;
    return { holder: lease.spec?.holderIdentity ?? "", version: lease.metadata?.resourceVersion ?? "" };
  };
  return {
    read: async (signal) => {
      const { api, module } = await client();
      try {
        return keep(await api.readNamespacedLease({ namespace, name }, ending(module, signal)));
      } catch (error) {
        if (codeOf(error) === 404) return undefined;
        throw toStoreError(error, `read ${what}`);
      }
    },
    write: async (holder, last, signal) => {
      const { api, module } = await client();
      const now = new module.V1MicroTime();
      const before = last && known?.spec;
      const taken = holder !== "" && before?.holderIdentity !== holder;
      const spec = {
        ...before,
        holderIdentity: holder,
        leaseDurationSeconds: LEASE_SECONDS,
        renewTime: now,
        ...(taken && { acquireTime: now, leaseTransitions: (before?.leaseTransitions ?? 0) + (before ? 1 : 0) }),
      };
      const body = { metadata: { ...(last && known?.metadata), name, namespace }, spec };
      try {
        return keep(
          last
            ? await api.replaceNamespacedLease({ namespace, name, body }, ending(module, signal))
            : await api.createNamespacedLease({ namespace, body }, ending(module, signal)),
        );
      } catch (error) {
        if (codeOf(error) !== 409) throw toStoreError(error, `write ${what}`);
        throw new ConflictError(`${what} was written by another`, { cause: error });
      }
    },
  };
}
