/**
 * A store in memory and its callers, for tests of the use cases.
 *
 * @module
 */
import assert from "node:assert/strict";
import { openEmbedded } from "../../drivers/embedded/driver.ts";
import { parseCidr, usable } from "../../src/address/cidr.ts";
import { formatIp, type Ip, parseIp } from "../../src/address/ip.ts";
import { type IpRange, mergeIntervals } from "../../src/address/range.ts";
import type { RecordedEntry } from "../../src/ipam/recorded.ts";
import type { IpamConfig } from "../../src/config/types.ts";
import { allocate } from "../../src/ipam/allocate.ts";
import { directIpam, type Ipam } from "../../src/ipam/ipam.ts";
import { release } from "../../src/ipam/release.ts";
import { verify } from "../../src/ipam/verify.ts";
import { formatPoolKey, type Owner } from "../../src/pool/types.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import type { Clock } from "../../src/storage/retry.ts";
import { borrow } from "../../src/storage/wrap.ts";
import { SILENT } from "../../src/world/log.ts";
import { faulty, type Plan } from "../support/faulty.ts";
import { hurriedClock } from "../support/hurried_clock.ts";
import { memoryWorld } from "../support/world.ts";

/** A signal that never aborts. */
export function never(): AbortSignal {
  return new AbortController().signal;
}

/** An empty store in memory. */
export function memory(): Promise<StorageDriver> {
  return openEmbedded({ kind: "embedded", path: ":memory:" });
}

/** The store for calls that end after their entry, before its reservation. Disposing it leaves the store open. */
export function withoutReservations(driver: StorageDriver): StorageDriver {
  const { reservations: _, ...rest } = borrow(driver);
  return rest;
}

/** Parses a valid address. */
export function ip(text: string): Ip {
  const parsed = parseIp(text);
  assert(parsed, text);
  return parsed;
}

/** A range as text: a CIDR, or `FIRST-LAST/LENGTH`, with excludes after `!`. */
export function range(text: string): IpRange {
  const [bounds = "", ...excludes] = text.split("!");
  const [from, to] = bounds.includes("-") ? bounds.split("-") : [undefined, bounds];
  const parsed = parseCidr(to ?? "");
  assert(parsed, text);
  const { first, last } = usable(parsed.cidr);
  return {
    cidr: parsed.cidr,
    first: from === undefined ? first : ip(from).value,
    last: from === undefined ? last : parsed.ip.value,
    excludes: mergeIntervals(excludes.map((one) => ({ first: ip(one).value, last: ip(one).value }))),
  };
}

/** A configuration of these ranges, with reservations. */
export function config(ranges: readonly string[], options: Partial<IpamConfig> = {}): IpamConfig {
  return {
    network: "lab",
    cniVersion: "1.0.0",
    networkName: "",
    ranges: ranges.map(range),
    routes: [],
    dns: {},
    addresses: [],
    requested: [],
    overlapping: true,
    verifyNetworkStatus: true,
    datastore: { kind: "embedded", path: ":memory:" },
    log: { level: "error" },
    sleepForRace: 0,
    ...options,
  };
}

/** `pod/ifName/containerId` as an owner. */
export function owner(text: string): Owner {
  const [podRef = "", ifName = "", containerId = ""] = text.split("/");
  return { podRef, ifName, containerId };
}

/** A store without locks: tests show that compare-and-swap alone is enough. */
export function ipamOn(driver: StorageDriver, clock: Clock = hurriedClock()): Ipam {
  const world = { ...memoryWorld(), ...clock, lock: () => Promise.resolve(undefined) };
  return directIpam(driver, world, SILENT);
}

/** Callers of one store; a plan may make their operations fail. */
export interface Callers {
  /** ADD. Returns the addresses as text. */
  add(who: string, of: IpamConfig): Promise<string[]>;
  /** DEL. Returns the addresses as text. */
  del(who: string, of: IpamConfig): Promise<string[]>;
  /** CHECK. */
  check(who: string, of: IpamConfig, given: readonly string[]): Promise<void>;
}

/** The records of nodes about their sandboxes, like their journals. */
export type Records = Map<string, readonly RecordedEntry[]>;

const FORGETFUL: Records = Object.assign(new Map(), { set: () => FORGETFUL });

/** Creates callers of a store. Without records, nodes remember nothing. */
export function callers(
  driver: StorageDriver,
  plan?: Plan,
  clock?: Clock,
  records: Records = FORGETFUL,
): Callers {
  const ipam = ipamOn(plan ? faulty(driver, plan) : driver, clock);
  return {
    add: async (who, of) => {
      const onUnreleased = (entries: readonly RecordedEntry[]) => void records.set(who, entries);
      const assigned = await allocate(ipam, of, owner(who), never(), { onUnreleased });
      records.set(who, assigned.map(({ entry }) => entry));
      return assigned.map((one) => formatIp(one.ip));
    },
    del: async (who, of) => {
      const released = await release(ipam, of, owner(who), never(), records.get(who));
      records.delete(who);
      return released.map(formatIp);
    },
    check: (who, of, given) => verify(ipam, of, owner(who), given.map(ip), never()),
  };
}

/** The contents of a store: `POOL ADDRESS` and `reserved ADDRESS`, each with `pod/ifName/containerId`. */
export async function contents(driver: StorageDriver): Promise<Record<string, string>> {
  const text = ({ podRef, ifName, containerId }: Owner) => `${podRef}/${ifName}/${containerId}`;
  const entries: [string, string][] = [];
  for (const { key, allocations } of await driver.list(never())) {
    for (const held of allocations.values()) {
      const address = formatIp({ family: key.cidr.family, value: held.address });
      entries.push([`${formatPoolKey(key)} ${address}`, text(held)]);
    }
  }
  for (const reservation of await driver.reservations?.list(undefined, never()) ?? []) {
    const network = reservation.network && `${reservation.network} `;
    entries.push([`reserved ${network}${formatIp(reservation.ip)}`, text(reservation)]);
  }
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Asserts that every entry has a reservation of the same owner, and every reservation an entry. */
export async function assertAgreement(driver: StorageDriver): Promise<void> {
  const { reserved, held } = await byAddress(driver);
  assert.deepEqual(reserved, held, "reservations and entries differ");
}

async function byAddress(driver: StorageDriver): Promise<Record<"reserved" | "held", Record<string, string>>> {
  const reserved: Record<string, string> = {};
  const held: Record<string, string> = {};
  for (const [what, who] of Object.entries(await contents(driver))) {
    const [kind = "", address = ""] = what.split(" ");
    const list = kind === "reserved" ? reserved : held;
    assert.equal(list[address], undefined, `two entries for ${address}: ${list[address]} and ${who}`);
    list[address] = who;
  }
  return { reserved, held };
}
