/**
 * An owner, or an allocation, as columns of a row.
 *
 * @module
 */
import type { Allocation, Owner } from "../../src/pool/types.ts";
import { decodeFormer, decodeKeeper, encodeFormer, encodeKeeper } from "../../src/storage/facts.ts";

/** Columns of an owner, in the order of {@linkcode ownerValues}. */
export const OWNER_COLUMNS = "pod_ref, if_name, container_id, node, pod_uid, keeper";
/** Columns of an allocation, in the order of {@linkcode allocationValues}. */
export const ALLOCATION_COLUMNS = `${OWNER_COLUMNS}, former, unreserved`;

/** The values of {@linkcode OWNER_COLUMNS}. */
export function ownerValues({ podRef, ifName, containerId, node, uid, keeper }: Owner): (string | null)[] {
  return [podRef, ifName, containerId, node ?? null, uid ?? null, keeper ? encodeKeeper(keeper) : null];
}

/** The values of {@linkcode ALLOCATION_COLUMNS}. `unreserved` is NULL in rows of earlier releases. */
export function allocationValues(allocation: Allocation): (string | number | null)[] {
  const { former, unreserved } = allocation;
  return [...ownerValues(allocation), former ? encodeFormer(former) : null, unreserved ? 1 : 0];
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
  const unreserved = row.unreserved === 1;
  return { address, ...toOwner(row), ...(former && { former }), ...(unreserved && { unreserved }) };
}
