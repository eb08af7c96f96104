/**
 * The Kubernetes store: the original's custom resources, over plain `fetch`.
 *
 * @module
 */
import type { Datastore } from "../../src/config/types.ts";
import { RefusedError, type StorageDriver } from "../../src/storage/driver.ts";
import type { OpenContext } from "../../src/storage/open.ts";
import { ApiServer } from "./api_server.ts";
import { openPool, removePool } from "./fences.ts";
import { namespacesInUse } from "./namespaces.ts";
import { locate } from "./locate.ts";
import { findSlices, takeSlice } from "./node_slice_pools.ts";
import { Pools, snapshotFromRecord } from "./pools.ts";
import { kubernetesReservations } from "./reservations.ts";
import { findUnreadable } from "./unreadable.ts";
import { kubernetesWorkloads } from "./workloads.ts";

/**
 * Opens the store of a kubeconfig. Objects live in the namespace of its current context, or in `kube-system` if that names none.
 *
 * @throws {RefusedError} the kubeconfig is missing or invalid
 */
export async function openKubernetes(datastore: Datastore, { world, log }: OpenContext): Promise<StorageDriver> {
  if (datastore.kind !== "kubernetes") {
    throw new RefusedError(`Cannot open datastore ${datastore.kind} with the kubernetes driver`);
  }
  const api = await ApiServer.open(world, datastore);
  const pools = new Pools(api, log);
  return {
    name: "kubernetes",
    read: (key, signal) => pools.read(key, signal),
    commit: (snapshot, changes, signal, reuse) => pools.commit(snapshot, changes, signal, reuse),
    recordsReuse: true,
    snapshotFromRecord,
    requireReservations: (snapshot, required, signal) => pools.requireReservations(snapshot, required, signal),
    refuseKeepers: (snapshot, by, signal) => pools.refuseKeepers(snapshot, by, signal),
    setMove: (snapshot, move, signal) => pools.setMove(snapshot, move, signal),
    listBlocks: (network, fresh, signal) => pools.listBlocks(network, fresh, signal),
    list: (signal, onPart, onUnreadable) => pools.list(signal, onPart, onUnreadable),
    locate: (ip, signal) => locate(api, pools, ip, signal),
    status: (signal, reserves, recordsReuse) => pools.status(signal, reserves, recordsReuse),
    unreadable: (signal) => findUnreadable(api, signal),
    namespace: {
      name: api.namespace,
      inUse: (signal) => namespacesInUse(api, signal),
    },
    slices: {
      find: (name, signal) => findSlices(api, name, signal),
      take: (list, slice, epoch, signal) => takeSlice(api, list, slice, epoch, signal),
      close: (snapshot, fence, signal) => pools.close(snapshot, fence, signal),
      open: (snapshot, epoch, signal) => openPool(api, snapshot, epoch, signal),
      remove: (snapshot, signal) => removePool(api, snapshot, signal),
    },
    reservations: kubernetesReservations(api),
    workloads: kubernetesWorkloads(api),
    [Symbol.asyncDispose]: () => Promise.resolve(api[Symbol.dispose]()),
  };
}
