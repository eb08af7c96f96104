/**
 * NodeSlicePools, as the plugin reads them.
 *
 * @module
 */
import { parseCidr } from "../../src/address/cidr.ts";
import type { Slice } from "../../src/pool/slices.ts";
import type { ApiClient } from "./http.ts";
import type { NodeSlicePoolObject } from "./resources.ts";

/** The slices of a NodeSlicePool; undefined: there is none. */
export async function findSlices(api: ApiClient, name: string, signal: AbortSignal): Promise<Slice[] | undefined> {
  const object = await api.request<NodeSlicePoolObject>({ verb: "get", resource: "nodeslicepools", name }, signal);
  return object && toSlices(object);
}

/** The slices of an object; entries that are none are left out. */
export function toSlices({ status }: NodeSlicePoolObject): Slice[] {
  return (status?.allocations ?? []).flatMap(({ nodeName = "", sliceRange = "" }) => {
    const cidr = parseCidr(sliceRange)?.cidr;
    return cidr ? [{ node: nodeName, cidr }] : [];
  });
}
