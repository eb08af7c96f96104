/**
 * NodeSlicePools, as the plugin reads them.
 *
 * @module
 */
import { parseCidr } from "../../src/address/cidr.ts";
import type { Slice } from "../../src/pool/slices.ts";
import type { SliceList } from "../../src/storage/driver.ts";
import type { ApiClient } from "./http.ts";
import { GROUP, type Metadata, type NodeSlicePoolObject } from "./resources.ts";

/** Says why nothing is allocated of the slices. */
export const REFUSED = `${GROUP}/refused`;

/** A NodeSlicePool; undefined: there is none. */
export async function findSlices(api: ApiClient, name: string, signal: AbortSignal): Promise<SliceList | undefined> {
  const object = await api.request<NodeSlicePoolObject>({ verb: "get", resource: "nodeslicepools", name }, signal);
  return object && { range: object.spec?.range ?? "", slices: toSlices(object), ...refusalOf(object.metadata) };
}

/** Why nothing is allocated of the slices of an object, where somebody says so. */
export function refusalOf({ annotations = {} }: Metadata): { readonly refused?: string } {
  const { [REFUSED]: refused } = annotations;
  return refused ? { refused } : {};
}

/** The slices of an object; entries that are none are left out. */
export function toSlices({ status }: NodeSlicePoolObject): Slice[] {
  return (status?.allocations ?? []).flatMap(({ nodeName = "", sliceRange = "" }) => {
    const cidr = parseCidr(sliceRange)?.cidr;
    return cidr ? [{ node: nodeName, cidr }] : [];
  });
}
