/**
 * The status of IPPools, for people and alerts: how much of a pool is in use. Plugins never read it.
 *
 * @module
 */
import { type Condition, dated } from "./condition.ts";

/** How much of a pool is in use. A count beyond 2^53 is its decimal text: JSON readers would round the number. */
export interface PoolStatus {
  /** Addresses that can be allocated, used ones included. */
  readonly capacity: number | string;
  /** Addresses allocated. */
  readonly used: number;
  /** Addresses that are free. */
  readonly free: number | string;
  /** `Full`: no address is free. `NearlyFull`: fewer than 5 % are free. */
  readonly conditions: readonly Condition[];
}

/** Counts of a pool. */
interface PoolCounts {
  /** Addresses allocated. */
  readonly allocations: number;
  /** Addresses that can be allocated. */
  readonly capacity: bigint;
  /** Addresses that are free. */
  readonly free: bigint;
}

/** A pool is nearly full if fewer than one of this many addresses is free, as in the alert WhereaboutsPoolNearlyFull. */
export const NEARLY_FULL = 20n;

/** Whether few addresses of a pool are free, or none. */
export function isNearlyFull({ capacity, free }: Pick<PoolCounts, "capacity" | "free">): boolean {
  return capacity > 0n && free * NEARLY_FULL < capacity;
}

/** The free addresses of a pool. Entries beyond its capacity, of a range that was narrowed, leave none. */
export function freeOf(capacity: bigint, used: number | bigint): bigint {
  const free = capacity - BigInt(used);
  return free > 0n ? free : 0n;
}

/**
 * The status for counts. A condition keeps its transition time while its value stays.
 *
 * @param stored the present status. Undefined: it has none
 * @param now in milliseconds since 1970
 */
export function statusOf(
  { allocations, capacity, free }: PoolCounts,
  stored: PoolStatus | undefined,
  now: number,
): PoolStatus {
  const message = `${allocations} of ${capacity} addresses are allocated`;
  const condition = (type: string, holds: boolean, reason: string): Condition => {
    const [status, word] = holds ? ["True", reason] : ["False", "AddressesFree"];
    return dated({ type, status, reason: word, message }, stored?.conditions ?? [], now);
  };
  return {
    capacity: countOf(capacity),
    used: allocations,
    free: countOf(free),
    conditions: [
      condition("Full", capacity > 0n && free === 0n, "NoAddressFree"),
      condition("NearlyFull", isNearlyFull({ capacity, free }), "FewAddressesFree"),
    ],
  };
}

/**
 * How a status differs from the stored one. `threshold`: a condition changes, or none is stored. `counts`: only numbers change.
 *
 * @returns undefined if they are equal
 */
export function differenceOf(
  status: PoolStatus,
  stored: PoolStatus | undefined,
): "threshold" | "counts" | undefined {
  const holds = ({ type, status }: Condition) =>
    stored?.conditions.some((one) => one.type === type && one.status === status);
  if (!stored || !status.conditions.every(holds)) return "threshold";
  return (["capacity", "used", "free"] as const).some((name) => stored[name] !== status[name]) ? "counts" : undefined;
}

/** A count for JSON: a number, or beyond 2^53 its decimal text. */
export function countOf(count: bigint): number | string {
  return count <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(count) : `${count}`;
}
