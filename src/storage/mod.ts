/**
 * The API for storage drivers: the contract, its values and its errors.
 *
 * @module
 */
export type { Family, Ip } from "../address/ip.ts";
export type { Fence } from "../pool/fence.ts";
export type { Move } from "../pool/move.ts";
export type { BlockFacts } from "../pool/grid.ts";
export type { Elastic, Slice } from "../pool/slice_assignment.ts";
export type { Cidr } from "../address/cidr.ts";
export type { Allocation, Allocations, Change, Owner, PoolKey, Rest } from "../pool/types.ts";
export type { Condition } from "../pool/condition.ts";
export type { PoolStatus } from "../pool/pool_status.ts";
export type { Reuse } from "../pool/reuse.ts";
export type { Unreadable } from "../pool/finding.ts";
export type { IpamClaim, Workload } from "../pool/workload.ts";
export type {
  Located,
  Migration,
  OlderRecord,
  OnPart,
  OnUnreadable,
  PoolSnapshot,
  Reservation,
  Reservations,
  ReserveResult,
  SliceList,
  SliceStore,
  StorageDriver,
  StoreNamespace,
  Workloads,
} from "./driver.ts";
export { ConflictError, ForeignStoreError, RefusedError, UnavailableError } from "./driver.ts";
export type { LoadDriver, OpenContext, OpenDriver } from "./open.ts";
