/**
 * The part of the driver contract that moves the contents of a store.
 *
 * @module
 */
import type { Allocation, Allocations, Change, PoolKey } from "../pool/types.ts";
import type { PoolSnapshot } from "./snapshot.ts";

/** One pool in the layout of an older release. */
export interface OlderRecord {
  /** The key or object that stores it. */
  readonly name: string;
  /** The pool. */
  readonly key: PoolKey;
  /** Its entries. */
  readonly entries: readonly Allocation[];
  /** Its unreadable parts, one sentence each. If there are any, the record cannot be converted: a dropped address would be allocated twice. */
  readonly faults: readonly string[];
}

/**
 * Moves the contents of a store to the current layout, or to another store. `read` and `commit` refuse a closed pool, and `list` omits it.
 * Every step is atomic and can be repeated.
 */
export interface Migration {
  /** Every record of an older layout. */
  older(signal: AbortSignal): Promise<OlderRecord[]>;
  /**
   * Converts a record in one transaction: commits the decided changes to its pool, and deletes the record. Locks out plugins of the older
   * release with their own lock.
   *
   * @param decide receives the current record and the allocations of its pool; undefined: change nothing
   * @throws {ConflictError} one of them changed concurrently
   */
  convert(
    record: OlderRecord,
    decide: (record: OlderRecord, present: Allocations) => readonly Change[] | undefined,
    signal: AbortSignal,
  ): Promise<void>;
  /** Closed pools that still have entries. */
  closed(signal: AbortSignal): Promise<PoolSnapshot[]>;
  /** Closes a pool as it was read or listed. @throws {ConflictError} it changed */
  close(snapshot: PoolSnapshot, signal: AbortSignal): Promise<PoolSnapshot>;
  /** Deletes the entries of a closed pool after they were copied. The pool stays closed. @throws {ConflictError} it changed */
  empty(snapshot: PoolSnapshot, signal: AbortSignal): Promise<void>;
}
