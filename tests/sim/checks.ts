/**
 * What must be true after every step, and at the end.
 *
 * @module
 */
import assert from "node:assert/strict";
import { contains } from "../../src/address/cidr.ts";
import { formatIp, parseIp } from "../../src/address/ip.ts";
import type { Reservation, StorageDriver } from "../../src/storage/driver.ts";
import type { PoolSnapshot } from "../../src/storage/driver.ts";
import { findInconsistencies } from "../../src/pool/findings.ts";
import type { PodFacts } from "../../src/pool/pod_facts.ts";
import type { Sandbox } from "./runtime.ts";

const { signal } = new AbortController();

/** What the store holds now. Reading it takes no simulated time. */
export interface Contents {
  /** Every pool. */
  readonly pools: readonly PoolSnapshot[];
  /** Every reservation. */
  readonly reservations: readonly Reservation[];
}

/** Reads the store. */
export async function contentsOf(store: StorageDriver): Promise<Contents> {
  return { pools: await store.list(signal), reservations: await store.reservations?.list(undefined, signal) ?? [] };
}

/**
 * Promises 1 to 3: no address has two live owners; what a live sandbox was given is in its pool and reserved, under its name.
 */
export function checkLive({ pools, reservations }: Contents, sandboxes: readonly Sandbox[]): void {
  const owners = new Map<string, string>();
  const reserved = new Map(reservations.map((one) => [`${one.network} ${formatIp(one.ip)}`, one]));
  for (const sandbox of sandboxes) {
    if (sandbox.state !== "live") continue;
    const who = `${sandbox.podRef} (${sandbox.containerId})`;
    for (const text of sandbox.addresses) {
      const address = text.split("/")[0] ?? "";
      const place = `${sandbox.network.domain} ${address}`;
      assert.equal(owners.get(place), undefined, `${place} has two live owners: ${owners.get(place)} and ${who}`);
      owners.set(place, who);
      assert(hasEntry(pools, sandbox, address), `${who} lives with ${address}, and no pool has it as its own`);
      const reservation = reserved.get(place);
      assert(reservation, `${who} lives with ${address}, and it is not reserved`);
      assert.equal(
        reservation.podRef,
        sandbox.podRef,
        `${who} lives with ${address}, and it is reserved for ${reservation.podRef}`,
      );
    }
  }
}

function hasEntry(pools: readonly PoolSnapshot[], sandbox: Sandbox, address: string): boolean {
  const ip = parseIp(address);
  assert(ip);
  return pools.some(({ key, allocations }) => {
    const held = key.network === sandbox.network.domain && contains(key.cidr, ip)
      ? allocations.get(ip.value)
      : undefined;
    return held?.podRef === sandbox.podRef && held.containerId === sandbox.containerId && held.ifName === "net1";
  });
}

/** The checker finds nothing: pools, reservations and pods say the same. */
export function checkWhole({ pools, reservations }: Contents, pods: readonly PodFacts[]): void {
  const findings = findInconsistencies({
    pools,
    reservations,
    pods,
    reserves: () => true,
    configured: { rangesOf: () => 1 },
  });
  assert.deepEqual(
    findings.map(({ kind, message }) => `${kind}: ${message}`),
    [],
    "after a sweep that nothing disturbed",
  );
}

/** What only a sweep may find. */
export interface LeftToSweep {
  /** So many reservations at the most. */
  readonly reservations: number;
  /**
   * Entries of these pods: a takeover that fails gives the entry back to the former sandbox, which may still run; if the DEL of that one came
   * in between, nobody else comes for it.
   */
  readonly entriesOf: ReadonlySet<string>;
}

/** Promise 4 and the end of all leaks: every DEL succeeded, so nothing is left but for the sweep. */
export function checkEmpty({ pools, reservations }: Contents, left: LeftToSweep): void {
  const entries = pools.flatMap(({ allocations }) =>
    [...allocations.values()].filter(({ podRef }) => !left.entriesOf.has(podRef))
  );
  assert.deepEqual(
    entries.map(({ podRef, containerId }) => `${podRef} ${containerId}`),
    [],
    "entries are left although every DEL succeeded",
  );
  const stray = reservations.filter(({ podRef }) => !left.entriesOf.has(podRef)).map(({ ip, podRef, containerId }) =>
    `${formatIp(ip)} ${podRef} ${containerId}`
  );
  assert(stray.length <= left.reservations, `reservations are left although every DEL succeeded: ${stray.join(", ")}`);
}
