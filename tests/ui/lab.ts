/**
 * Readings for tests of the page's model.
 *
 * @module
 */
import { parseCidr } from "../../src/address/cidr.ts";
import { parseIp } from "../../src/address/ip.ts";
import type { Records } from "../../src/ipam/inspect.ts";
import type { Allocation, PoolKey } from "../../src/pool/types.ts";
import type { PoolSnapshot, Reservation } from "../../src/storage/driver.ts";
import type { Reading } from "../../src/ui/model.ts";

/** The time of every reading. */
export const NOW = Date.parse("2026-01-01T12:00:00Z");

/** The key of a pool. */
export function keyOf(cidr: string, more: Partial<PoolKey> = {}): PoolKey {
  const parsed = parseCidr(cidr)?.cidr;
  if (!parsed) throw new RangeError(`Invalid CIDR ${cidr}`);
  return { network: "", cidr: parsed, ...more };
}

/** The value of an address. */
export function valueOf(address: string): bigint {
  return parseIp(address)?.value ?? 0n;
}

/** An allocation. */
export function allocation(address: string, podRef: string, more: Partial<Allocation> = {}): Allocation {
  return { address: valueOf(address), podRef, ifName: "net1", containerId: "0123456789abcdef", ...more };
}

/** A pool. */
export function pool(key: PoolKey, allocations: readonly Allocation[], more: Partial<PoolSnapshot> = {}): PoolSnapshot {
  return { key, allocations: new Map(allocations.map((one) => [one.address, one])), version: 1, ...more };
}

/** A reservation. */
export function reservation(address: string, podRef: string, network = ""): Reservation {
  const ip = parseIp(address);
  if (!ip) throw new RangeError(`Invalid address ${address}`);
  return { network, ip, podRef, ifName: "net1", containerId: "" };
}

/** A reading of pools without findings. */
export function reading(
  pools: readonly PoolSnapshot[],
  more: Partial<Omit<Reading, "records">> & { readonly records?: Partial<Records> } = {},
): Reading {
  return {
    where: "database test.db",
    at: NOW,
    inspected: { findings: [], unconfirmed: [] },
    source: undefined,
    notices: [],
    commandFor: ({ kind }) => `mend ${kind}`,
    ...more,
    records: {
      pools,
      reservations: [],
      pods: undefined,
      slices: undefined,
      claims: undefined,
      unreadable: [],
      ...more.records,
    },
  };
}
