/**
 * A cluster for controllers and commands: feeds over `fetch`, single typed calls through the Kubernetes client library. Never loaded on the
 * plugin's way.
 *
 * @module
 */
import type { Cluster, ClusterAccess } from "../../src/controllers/cluster.ts";
import type { World } from "../../src/world/world.ts";
import { makeEvents } from "./events.ts";
import { toAttachment, toNodeFacts, toPodFacts } from "./facts.ts";
import { makeFeed } from "./feed.ts";
import { ApiClient } from "./http.ts";
import { readAccess } from "./access.ts";
import { makeLease } from "./lease.ts";
import { followLibrary } from "./library.ts";
import { ApiReader } from "./reader.ts";
import { nodeSlicePools, nodeSlicePoolSource } from "./node_slice_pools.ts";
import { makeWitness } from "./witness.ts";

/** Opens the cluster of a kubeconfig; without one, that of the pod this runs in. Sends nothing yet. */
export async function openCluster(world: World, choice: ClusterAccess): Promise<Cluster> {
  const reader = await ApiReader.open(world, choice);
  const namespace = choice.namespace ?? reader.namespace;
  const access = async () => ({ ...await readAccess(world, choice), namespace });
  const api = new ApiClient(await access(), access, world);
  const library = followLibrary(access);
  return {
    pods: makeFeed(reader, world, {
      path: "/api/v1/pods",
      name: "pods",
      core: true,
      convert: toPodFacts,
      keyOf: ({ podRef }) => podRef,
    }),
    nodes: makeFeed(reader, world, {
      path: "/api/v1/nodes",
      name: "nodes",
      core: true,
      convert: toNodeFacts,
      keyOf: ({ name }) => name,
    }),
    attachments: makeFeed(reader, world, {
      path: "/apis/k8s.cni.cncf.io/v1/network-attachment-definitions",
      name: "network-attachment-definitions",
      convert: toAttachment,
      keyOf: ({ namespace, name }) => `${namespace}/${name}`,
    }),
    ...makeWitness(reader),
    slices: nodeSlicePools(api, makeFeed(reader, world, nodeSlicePoolSource(namespace))),
    lease: (leases, name) => makeLease(library, leases || namespace, name),
    recordEvent: makeEvents(library, reader, world, namespace),
    [Symbol.asyncDispose]: () => {
      api[Symbol.dispose]();
      reader[Symbol.dispose]();
      return Promise.resolve();
    },
  };
}
