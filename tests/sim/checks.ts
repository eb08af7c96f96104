/**
 * What must hold after every step, and at the end.
 *
 * @module
 */
import assert from "node:assert/strict";
import { contains } from "../../src/address/cidr.ts";
import { formatIp, parseIp } from "../../src/address/ip.ts";
import type { Reservation, StorageDriver } from "../../src/storage/driver.ts";
import type { PoolSnapshot } from "../../src/storage/driver.ts";
import { findInconsistencies } from "../../src/pool/findings.ts";
import { formatPoolKey } from "../../src/pool/types.ts";
import type { PodFacts } from "../../src/pool/pod_facts.ts";
import type { Network, Sandbox } from "./runtime.ts";

const { signal } = new AbortController();

/** Contents of the store. Reading them takes no simulated time. */
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
 * Promises 1 to 3: no address has two live owners; the addresses of a live sandbox are in their pools and reserved for its pod.
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
      assert(hasEntry(pools, sandbox, address), `${who} is live with ${address}, and no pool has its entry`);
      if (sandbox.network.ipam.enable_overlapping_ranges === false) continue;
      const reservation = reserved.get(place);
      assert(reservation, `${who} is live with ${address}, which is not reserved`);
      assert.equal(
        reservation.podRef,
        sandbox.podRef,
        `${who} is live with ${address}, which is reserved for ${reservation.podRef}`,
      );
    }
  }
}

function hasEntry(pools: readonly PoolSnapshot[], sandbox: Sandbox, address: string): boolean {
  const ip = parseIp(address);
  assert(ip);
  return pools.some(({ key, allocations }) => {
    const entry = key.network === sandbox.network.domain && contains(key.cidr, ip)
      ? allocations.get(ip.value)
      : undefined;
    return entry?.podRef === sandbox.podRef && entry.containerId === sandbox.containerId && entry.ifName === "net1";
  });
}

/**
 * A network that a call found full was full during the call.
 *
 * @param ended calls that ended during that call, or have not ended: each may have released an address since
 */
export function checkFull({ pools }: Contents, { name, domain, room }: Network, ended: number): void {
  if (room === undefined) return;
  const used = pools.filter(({ key }) => key.network === domain).reduce((sum, one) => sum + one.allocations.size, 0);
  assert(used + ended >= room, `an ADD found ${name} full: ${used} of ${room} in use, after ${ended} concurrent calls`);
}

/** The checker finds nothing: pools, reservations and pods agree. */
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
    "after an undisturbed sweep",
  );
}

/** What only a sweep may free. */
export interface LeftToSweep {
  /** The max number of such reservations. */
  readonly reservations: number;
  /**
   * Pods whose entries may remain: a failed takeover restores the entry of the former sandbox, which may still run. If the DEL of that sandbox
   * was served in between, nothing else releases the entry.
   */
  readonly entriesOf: ReadonlySet<string>;
}

/** Promise 4, no leaks: after every DEL has succeeded, only what the sweep may free remains. */
export function checkEmpty({ pools, reservations }: Contents, left: LeftToSweep): void {
  const entries = pools.flatMap(({ key, allocations }) =>
    [...allocations.values()].filter(({ podRef }) => !left.entriesOf.has(podRef)).map((one) => ({ ...one, key }))
  );
  assert.deepEqual(
    entries.map(({ key, address, podRef, containerId }) =>
      `${formatIp({ family: key.cidr.family, value: address })} of ${podRef} ${containerId} in ${formatPoolKey(key)}`
    ),
    [],
    "entries remain although every DEL succeeded",
  );
  const stray = reservations.filter(({ podRef }) => !left.entriesOf.has(podRef)).map(({ ip, podRef, containerId }) =>
    `${formatIp(ip)} ${podRef} ${containerId}`
  );
  assert(stray.length <= left.reservations, `reservations remain although every DEL succeeded: ${stray.join(", ")}`);
}
