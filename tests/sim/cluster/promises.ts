/**
 * What must hold in a simulated cluster after every step, and at the end. The checks read the objects without the product's code.
 *
 * @module
 */
import assert from "node:assert/strict";
import { formatIp, parseIp } from "../../../src/address/ip.ts";
import { cidrOf, contains, formatCidr, parseCidr } from "../../../src/address/cidr.ts";
import type { Network } from "../runtime.ts";
import { keeps } from "./kept.ts";
import type { ApiObject, ApiObjects } from "./objects.ts";
import type { PodSandbox } from "./pod.ts";

/** An entry of a pool's object. */
export interface StoredEntry {
  /** The object's name. */
  readonly pool: string;
  /** The address, canonical. */
  readonly address: string;
  /** The members. */
  readonly value: {
    readonly id?: string;
    readonly podref?: string;
    readonly keeper?: string;
    readonly former?: string;
  };
}

/** Contents of the store. */
export interface Contents {
  /** Every entry. */
  readonly entries: readonly StoredEntry[];
  /** Every reservation, by name. */
  readonly reservations: ReadonlyMap<
    string,
    { readonly podref?: string; readonly keeper?: string; readonly containerid?: string }
  >;
}

/** Reads the objects. It takes no simulated time. */
export function contentsOf(objects: ApiObjects): Contents {
  return {
    entries: objects.list("ippools").flatMap(entriesOf),
    reservations: new Map(
      objects.list("overlappingrangeipreservations").map(({ metadata: { name }, spec = {} }) => [name, spec]),
    ),
  };
}

/** The entries of a pool's object. */
export function entriesOf({ metadata: { name: pool }, spec = {} }: ApiObject): StoredEntry[] {
  const range = parseCidr(String(spec.range));
  assert(range, `IPPool ${pool} has no range`);
  return Object.entries(spec.allocations as Record<string, StoredEntry["value"]>).map(([offset, value]) => ({
    pool,
    address: formatIp({ family: range.cidr.family, value: range.ip.value + BigInt(offset) }),
    value,
  }));
}

/** The name of the reservation of an address. */
export function reservationName(domain: string, address: string): string {
  return `${domain && `${domain}-`}${address.replaceAll(":", "-")}`;
}

/** The promises that hold in a world. */
export interface Promised {
  /** Entries of live sandboxes exist: the world deletes no pools. */
  readonly entries: boolean;
  /** Reservations of live sandboxes exist: the world deletes none. */
  readonly reservations: boolean;
}

/**
 * Promises 1 to 3: no address has two live owners; the addresses of a live sandbox are in their pools and reserved for its pod. A sandbox is
 * live as long as containers can run in it, even if its object is deleted.
 */
export function checkLive(objects: ApiObjects, sandboxes: readonly PodSandbox[], promised: Promised): void {
  const { entries, reservations } = contentsOf(objects);
  const owners = new Map<string, string>();
  for (const sandbox of sandboxes) {
    if (!isLive(sandbox) || sandbox.exposed) continue;
    const { podRef, containerId, network: { name: network, domain, ipam } } = sandbox;
    const who = `${podRef} (${containerId} on ${sandbox.node.name})`;
    for (const text of ownAddresses(sandbox)) {
      const address = canonical(text);
      const place = `${domain} ${address}`;
      // in one network a newer sandbox takes the addresses of an older one of its name over, and of the pods of a claim the one of another
      const owner = sandbox.keeper?.startsWith("IPAMClaim/") ? sandbox.keeper : `${podRef} in ${network}`;
      const other = owners.get(place) ?? owner;
      assert.equal(other, owner, `${place} has two live owners: ${other} and ${who}`);
      owners.set(place, owner);
      if (promised.entries) {
        const own = entries.some((one) =>
          one.address === address &&
          ((one.value.podref === podRef && one.value.id === containerId) ||
            `${one.value.former}/`.startsWith(`${podRef}/${containerId}/`))
        );
        assert(own, `${who} is live with ${address}, and no pool has its entry`);
      }
      if (!promised.reservations || ipam.enable_overlapping_ranges === false) continue;
      const reservation = reservations.get(reservationName(domain, address));
      assert(reservation, `${who} is live with ${address}, which is not reserved`);
      assert(
        reservation.podref === podRef || hasKeeper(reservation, sandbox),
        `${who} is live with ${address}, which is reserved for ${reservation.podref}`,
      );
    }
  }
}

/** Whether a record has the keeper of a sandbox. */
function hasKeeper({ keeper }: { readonly keeper?: string }, sandbox: Pick<PodSandbox, "keeper">): boolean {
  return sandbox.keeper !== undefined && keeper === sandbox.keeper;
}

/**
 * Whether the store holds the addresses of all live sandboxes, so that restoring a backup lost nothing.
 *
 * @param exactly whether entries must have the ids of the sandboxes; otherwise their pods' names are enough
 */
export function isWhole(objects: ApiObjects, sandboxes: readonly PodSandbox[], exactly: boolean): boolean {
  try {
    checkLive(objects, sandboxes, { entries: exactly, reservations: true });
    return exactly || !differences(objects, sandboxes).some((one) => one.endsWith("missing"));
  } catch {
    return false;
  }
}

/** Whether containers that use a sandbox's addresses run or may start, or a claim lists the addresses. */
export function isLive({ state, superseded, containers, claimed, pod }: PodSandbox): boolean {
  const starts = containers !== "none" || pod.endsAt === undefined;
  return !superseded && ((state === "live" && starts) || claimed);
}

/** The addresses of a live sandbox without those that a newer one of its name has taken over in another network. */
export function ownAddresses({ addresses, yielded }: PodSandbox): readonly string[] {
  return addresses.filter((text) => !yielded.has(text));
}

/**
 * A pool knows owners by pod and interface, not by network. So a newer sandbox of a pod's name takes an entry over in any pool that its own
 * definition allocates from: that of the same range, or a block of the same grid. Notes which addresses were taken over in another network.
 */
export function yieldTaken(objects: ApiObjects, sandboxes: readonly PodSandbox[]): void {
  const pools = objects.list("ippools");
  for (const [i, former] of sandboxes.entries()) {
    if (!isLive(former)) continue;
    const { podRef, network: { name, domain } } = former;
    const newer = sandboxes.slice(i + 1).filter((one) =>
      one.podRef === podRef && one.network.domain === domain && one.network.name !== name
    );
    for (const text of newer.length > 0 ? ownAddresses(former) : []) {
      const address = canonical(text);
      const holds = (pool: ApiObject, id: string) =>
        entriesOf(pool).some(({ address: at, value }) => at === address && value.podref === podRef && value.id === id);
      if (pools.some((pool) => holds(pool, former.containerId))) continue; // an entry of the newer one is in another pool
      const isTaken = newer.some(({ containerId, network }) =>
        pools.some((pool) => allocatesFrom(network, address, pool) && holds(pool, containerId))
      );
      if (isTaken) former.yielded.add(text);
    }
  }
}

/** Whether a pool of the domain of a network is the one from which its definition allocates an address: that of its range, or a block. */
function allocatesFrom({ ipam }: Network, address: string, { spec = {} }: ApiObject): boolean {
  const [ip, pool] = [parseIp(address), parseCidr(String(spec.range))?.cidr];
  const others = (ipam.ipRanges ?? []) as readonly { readonly range: string }[];
  const sizes = String(ipam.block_size ?? "").split(",").map((size) => Number(size.slice(1)));
  return ip !== undefined && pool !== undefined &&
    [String(ipam.range), ...others.map(({ range }) => range)].some((text) => {
      const range = parseCidr(text)?.cidr;
      if (!range || !contains(range, ip)) return false;
      const size = Math.max(range.prefix, sizes[range.family === 4 ? 0 : 1] ?? 0);
      return formatCidr(cidrOf(ip, size)) === formatCidr(pool);
    });
}

/**
 * A slice in use is never dropped, whatever other networks need: the NodeSlicePool of a live sandbox has its range, and lists the slice of its
 * addresses for its node, or for another one if slices are elastic.
 */
export function checkSlices(objects: ApiObjects, sandboxes: readonly PodSandbox[]): void {
  const stored = new Map(objects.list("nodeslicepools").map((pool) => [pool.metadata.name, pool]));
  for (const sandbox of sandboxes) {
    const { network, node, containerId, addresses } = sandbox;
    if (network.ipam.node_slice_size === undefined || !isLive(sandbox)) continue;
    const who = `${containerId} on ${node.name}`;
    const { spec, status } = stored.get(network.name) ?? {};
    assert.equal(spec?.range, network.ipam.range, `the range of NodeSlicePool ${network.name}, while ${who} is live`);
    const slices = (status?.allocations ?? []) as { nodeName: string; sliceRange: string }[];
    for (const text of addresses) {
      const ip = parseIp(text.split("/")[0] ?? "");
      const listed = slices.some(({ nodeName, sliceRange }) => {
        const cidr = parseCidr(sliceRange)?.cidr;
        const isOwner = nodeName === node.name || (network.ipam.node_slice_elastic && nodeName !== "");
        return isOwner && cidr && ip && contains(cidr, ip);
      });
      assert(listed, `${who} is live with ${text}, and NodeSlicePool ${network.name} does not list its slice`);
    }
  }
}

/** Entries and reservations without a live sandbox, and those that live sandboxes lack. Those that a keeper keeps are none. */
export function differences(objects: ApiObjects, sandboxes: readonly PodSandbox[]): string[] {
  const { entries, reservations } = contentsOf(objects);
  const owned = sandboxes.filter(isLive).flatMap((sandbox) => {
    const { podRef, exposed, keeper, network: { domain, ipam } } = sandbox;
    return ownAddresses(sandbox).map((text) => {
      const reserved = ipam.enable_overlapping_ranges !== false && !exposed;
      const own = { podRef, address: canonical(text), reserved, ...(keeper !== undefined && { keeper }) };
      return { name: reservationName(domain, own.address), ...own };
    });
  });
  const isOf = (one: typeof owned[number], record: StoredEntry["value"]) =>
    one.podRef === record.podref || hasKeeper(record, one);
  return [
    ...entries.filter(({ address, value }) =>
      !keeps(objects, value) && !owned.some((one) => one.address === address && isOf(one, value))
    ).map(({ pool, address, value }) => `the entry ${address} of ${value.podref} (${value.id}) is left in ${pool}`),
    ...[...reservations].filter(([name, value]) =>
      !keeps(objects, value) && !owned.some((one) => one.name === name && isOf(one, value))
    ).map(([name, { podref }]) => `the reservation ${name} of ${podref} is left`),
    ...entries.flatMap(({ pool, address, value: { id } }, i) =>
      entries.slice(i + 1).filter((one) => id && one.address === address && one.value.id === id)
        .map((copy) => `the entry ${address} of ${id} is in ${pool} and ${copy.pool}`)
    ),
    ...owned.filter(({ name, reserved }) => reserved && !reservations.has(name))
      .map(({ name, podRef }) => `the reservation ${name} of ${podRef} is missing`),
    ...owned.filter((one) => !entries.some(({ address, value }) => address === one.address && isOf(one, value)))
      .map(({ podRef, address }) => `the entry ${address} of ${podRef} is missing`),
  ];
}

/** An address of an answer. */
export function canonical(text: string): string {
  const ip = parseIp(text.split("/")[0] ?? "");
  assert(ip, `${text} is an address`);
  return formatIp(ip);
}
