/**
 * A cluster for controllers and commands.
 *
 * @module
 */
import type { Cluster, ClusterAccess } from "../../src/controllers/cluster.ts";
import type { PoolKey } from "../../src/pool/types.ts";
import { RefusedError } from "../../src/storage/driver.ts";
import type { World } from "../../src/world/world.ts";
import { ApiServer } from "./api_server.ts";
import { clusterNetworks } from "./cluster_networks.ts";
import { makeEvents } from "./events.ts";
import { toAttachment, toNodeFacts, toPodFacts } from "./facts.ts";
import { makeFeed } from "./feed.ts";
import { makeInstallation } from "./installation.ts";
import { ipamClaims, toClaimName } from "./ipam_claims.ts";
import { makeLease } from "./lease.ts";
import { poolStatuses } from "./pool_statuses.ts";
import { makeRawObjects } from "./raw_objects.ts";
import { nodeSlicePools, toStored } from "./node_slice_pools.ts";
import { poolName } from "./names.ts";
import { makeWitness } from "./witness.ts";

/** Opens the cluster of a kubeconfig, or without one, the cluster of this pod. Sends no request. */
export async function openCluster(world: World, choice: ClusterAccess): Promise<Cluster> {
  const api = await ApiServer.open(world, choice);
  const keyOf = ({ name }: { readonly name: string }) => name;
  return {
    pods: makeFeed(api, world, {
      resource: "pods",
      core: true,
      convert: toPodFacts,
      keyOf: ({ podRef }) => podRef,
    }),
    nodes: makeFeed(api, world, { resource: "nodes", core: true, convert: toNodeFacts, keyOf }),
    attachments: makeFeed(api, world, {
      resource: "network-attachment-definitions",
      convert: toAttachment,
      keyOf: ({ namespace, name }) => `${namespace}/${name}`,
    }),
    pools: makeFeed(api, world, {
      resource: "ippools",
      convert: ({ metadata }: { readonly metadata?: { readonly name?: string } }) => ({ name: metadata?.name ?? "" }),
      keyOf,
    }),
    ...makeWitness(api),
    ipamClaims: ipamClaims(api),
    claimFeed: makeFeed(api, world, {
      resource: "ipamclaims",
      convert: toClaimName,
      keyOf: ({ namespace, name }) => `${namespace}/${name}`,
    }),
    poolName: nameOrNone,
    poolStatuses: poolStatuses(api),
    installation: makeInstallation(api),
    rawObjects: makeRawObjects(api),
    networks: (signal) => clusterNetworks(api, signal),
    slices: nodeSlicePools(api, makeFeed(api, world, { resource: "nodeslicepools", convert: toStored, keyOf })),
    lease: (namespace, name) => makeLease(api, world, namespace || api.namespace, name),
    recordEvent: makeEvents(api, world),
    [Symbol.asyncDispose]: () => Promise.resolve(api[Symbol.dispose]()),
  };
}

/** A pool of another store may have a key that forms no name. */
function nameOrNone(key: PoolKey): string | undefined {
  try {
    return poolName(key);
  } catch (error) {
    if (error instanceof RefusedError) return undefined;
    throw error;
  }
}
