/**
 * Releases of entries that were not read, only remembered. Loaded by calls that release.
 *
 * @module
 */
import { formatCidr } from "../../src/address/cidr.ts";
import type { Change, PoolKey } from "../../src/pool/types.ts";
import { bounded, CLEAR_MANAGED_FIELDS, entryPath, type PatchOperation } from "./patch.ts";
import { encodeEntry } from "./resources.ts";

/**
 * A patch that is refused unless each released entry is exactly as the caller remembers it, whatever else changed.
 *
 * @throws {TypeError} a change is no release
 * @throws {RefusedError} there are too many changes for one patch
 */
export function presumedPatch(name: string, { cidr }: PoolKey, changes: readonly Change[]): PatchOperation[] {
  return bounded(name, [
    { op: "test", path: "/spec/range", value: formatCidr(cidr) },
    ...changes.flatMap(({ address, before, after }): PatchOperation[] => {
      if (!before || after) {
        throw new TypeError("Cannot commit a claim or a refresh on a presumed snapshot: read the pool");
      }
      const path = entryPath(String(address - cidr.base));
      const { id, podref, ifname = null } = encodeEntry(before); // the API server holds an absent member equal to null
      return [
        { op: "test", path: `${path}/id`, value: id },
        { op: "test", path: `${path}/podref`, value: podref },
        { op: "test", path: `${path}/ifname`, value: ifname },
        { op: "remove", path },
      ];
    }),
    CLEAR_MANAGED_FIELDS,
  ]);
}
