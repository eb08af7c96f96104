/**
 * NodeSlicePools, as the plugin reads them.
 *
 * @module
 */
import { parseCidr } from "../../src/address/cidr.ts";
import type { Slice } from "../../src/pool/slices.ts";
import type { SliceStore } from "../../src/storage/driver.ts";
import type { ApiClient } from "./http.ts";
import type { NodeSlicePoolObject } from "./resources.ts";

/** The node slices of one namespace. */
export function kubernetesSlices(api: ApiClient): SliceStore {
  return {
    find: async (name, signal) => {
      const object = await api.request<NodeSlicePoolObject>({ verb: "get", resource: "nodeslicepools", name }, signal);
      return object && toSlices(object);
    },
  };
}

/** The slices of an object; entries that are none are left out. */
export function toSlices({ status }: NodeSlicePoolObject): Slice[] {
  return (status?.allocations ?? []).flatMap(({ nodeName = "", sliceRange = "" }) => {
    const cidr = parseCidr(sliceRange)?.cidr;
    return cidr ? [{ node: nodeName, cidr }] : [];
  });
}
