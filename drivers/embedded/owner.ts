/**
 * An owner as columns of a row.
 *
 * @module
 */
import type { Allocation, Owner } from "../../src/pool/types.ts";
import { decodeFormer, decodeKeeper, encodeFormer, encodeKeeper } from "../../src/storage/facts.ts";

/** Columns of an owner, in the order of {@linkcode ownerValues}. */
export const OWNER_COLUMNS = "pod_ref, if_name, container_id, node, pod_uid, keeper";
/** Columns of an allocation, in the order of {@linkcode allocationValues}. */
export const ALLOCATION_COLUMNS = `${OWNER_COLUMNS}, former`;

/** The values of {@linkcode OWNER_COLUMNS}. */
export function ownerValues({ podRef, ifName, containerId, node, uid, keeper }: Owner): (string | null)[] {
  return [podRef, ifName, containerId, node ?? null, uid ?? null, keeper ? encodeKeeper(keeper) : null];
}

/** The values of {@linkcode ALLOCATION_COLUMNS}. */
export function allocationValues(allocation: Allocation): (string | null)[] {
  return [...ownerValues(allocation), allocation.former ? encodeFormer(allocation.former) : null];
}

/** The owner of a row. */
export function toOwner(row: Readonly<Record<string, unknown>>): Owner {
  const { node, pod_uid: uid } = row;
  const keeper = decodeKeeper(row.keeper);
  return {
    podRef: String(row.pod_ref),
    ifName: String(row.if_name),
    containerId: String(row.container_id),
    ...(typeof node === "string" && { node }),
    ...(typeof uid === "string" && { uid }),
    ...(keeper && { keeper }),
  };
}

/** The allocation of a row and its address. */
export function toAllocation(address: bigint, row: Readonly<Record<string, unknown>>): Allocation {
  const former = decodeFormer(row.former);
  return { address, ...toOwner(row), ...(former && { former }) };
}
