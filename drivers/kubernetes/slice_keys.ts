/**
 * Telling the node from the network in the names of listed pools: NodeSlicePools know which node has which slice.
 *
 * @module
 */
import { formatCidr } from "../../src/address/cidr.ts";
import type { PoolKey } from "../../src/pool/types.ts";
import { type PoolSnapshot, RefusedError } from "../../src/storage/driver.ts";
import type { ApiClient } from "./http.ts";
import { listAll } from "./list.ts";
import type { NodeSlicePoolObject } from "./resources.ts";
import { toSlices } from "./slices.ts";

/** The snapshots, with the nodes of those that are of slices. Where NodeSlicePools may not be read, names stay whole. */
export async function withNodes(
  api: ApiClient,
  snapshots: readonly PoolSnapshot[],
  signal: AbortSignal,
): Promise<PoolSnapshot[]> {
  const objects = await listAll<NodeSlicePoolObject>(api, "nodeslicepools", signal).catch((error) => {
    if (error instanceof RefusedError) return [];
    throw error;
  });
  const slices = objects.flatMap(toSlices).filter(({ node }) => node !== "");
  const nodes = Map.groupBy(slices, ({ cidr }) => formatCidr(cidr));
  return snapshots.map((snapshot) => {
    const owners = nodes.get(formatCidr(snapshot.key.cidr))?.map(({ node }) => node) ?? [];
    return { ...snapshot, key: splitKey(snapshot.key, owners) };
  });
}

/** The key with the node that its network ends with, if it ends with one of these. */
export function splitKey(key: PoolKey, nodes: readonly string[]): PoolKey {
  const { network, cidr } = key;
  const node = nodes.find((name) => network === name || network.endsWith(`-${name}`));
  if (node === undefined) return key;
  return { network: network.slice(0, -node.length).replace(/-$/, ""), node, cidr };
}
