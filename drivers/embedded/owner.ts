/**
 * An owner as columns of a row.
 *
 * @module
 */
import type { Owner } from "../../src/pool/types.ts";

/** Columns of an owner, in the order of {@linkcode ownerValues}. */
export const OWNER_COLUMNS = "pod_ref, if_name, container_id, node, pod_uid";

/** The values of {@linkcode OWNER_COLUMNS}. */
export function ownerValues({ podRef, ifName, containerId, node, uid }: Owner): (string | null)[] {
  return [podRef, ifName, containerId, node ?? null, uid ?? null];
}

/** The owner of a row. */
export function toOwner(row: Readonly<Record<string, unknown>>): Owner {
  const { node, pod_uid: uid } = row;
  return {
    podRef: String(row.pod_ref),
    ifName: String(row.if_name),
    containerId: String(row.container_id),
    ...(typeof node === "string" && { node }),
    ...(typeof uid === "string" && { uid }),
  };
}
