/**
 * The contract of node slices between the allocator and a store.
 *
 * @module
 */
import type { Fence } from "../pool/fence.ts";
import type { Elastic, Slice } from "../pool/slice_assignment.ts";
import type { PoolSnapshot } from "./snapshot.ts";

/** The slices under one name. */
export interface SliceList {
  /** The whole range, as written. */
  readonly range: string;
  /** The slices, including those of other nodes. */
  readonly slices: readonly Slice[];
  /** Why nothing is allocated from them: one sentence. Absent if they are in use. */
  readonly refused?: string;
  /** Whether nodes may take free slices. Absent unless slices are elastic. */
  readonly elastic?: Elastic;
  /** Number of its assignments (`pool/slice_plan.ts`). */
  readonly epoch: number;
  /** The driver's own version of the list. */
  readonly version: unknown;
}

/** The node slices of a store, and the closing of pools whose slice may belong to another node. */
export interface SliceStore {
  /** The slices under a name; undefined if the name does not exist. */
  find(name: string, signal: AbortSignal): Promise<SliceList | undefined>;
  /**
   * Assigns a free slice to a node, in an epoch that is later than the list's.
   *
   * @param list as it was read
   * @throws {ConflictError} the list changed since
   */
  take(list: SliceList, slice: Slice, epoch: number, signal: AbortSignal): Promise<void>;
  /**
   * Closes a pool in an epoch, and creates it if it does not exist. It always writes: commits on any earlier snapshot conflict from then on.
   *
   * @param fence its `closed` is greater than both epochs of the pool
   * @returns the pool after the write
   * @throws {ConflictError} the pool changed since the snapshot
   * @throws {RefusedError} the store dropped the fence
   */
  close(snapshot: PoolSnapshot, fence: Omit<Fence, "opened">, signal: AbortSignal): Promise<PoolSnapshot>;
  /** Opens a closed pool in an epoch. It stays closed if it was closed in that epoch or a later one. @throws {ConflictError} it changed */
  open(snapshot: PoolSnapshot, epoch: number, signal: AbortSignal): Promise<void>;
  /** Deletes an empty pool as it was listed. @throws {ConflictError} it changed */
  remove(snapshot: PoolSnapshot, signal: AbortSignal): Promise<void>;
}
