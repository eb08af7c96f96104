/**
 * Inconsistencies of a store: the rules of `check` and the sweep.
 *
 * @module
 */
import { overlap } from "../address/cidr.ts";
import { formatIp } from "../address/ip.ts";
import { type ClaimFacts, findClaimFaults } from "./claim_status.ts";
import { describeOwner, type Finding, type FindingKind, NO_OWNER, shortId, type Unreadable } from "./finding.ts";
import { findUnrecorded } from "./duplicates.ts";
import { describeKeeper } from "./keepers.ts";
import { entriesOf, findOrphans, type Orphan, type PoolFacts } from "./orphans.ts";
import type { PodFacts } from "./pod_facts.ts";
import { hasAddress } from "./pod_owner.ts";
import {
  belongsTo,
  entriesByAddress,
  entriesOutside,
  findUnreserved,
  isExactly,
  type ReservationFacts,
} from "./strays.ts";
import { findSliceFaults, type SliceRecords } from "./slice_findings.ts";
import { addressOf, type Entry, formatPoolKey, type PoolKey } from "./types.ts";
import { findUnfinishedMoves } from "./unfinished_moves.ts";

/** The facts that are compared. */
export interface StoreFacts {
  /** Every pool. */
  readonly pools: readonly PoolFacts[];
  /** Every reservation. */
  readonly reservations: readonly ReservationFacts[];
  /** Every pod; undefined: pods are not checked. */
  readonly pods?: readonly PodFacts[] | undefined;
  /** The unused entries, by evidence that was read. Default: those that the list of pods shows as unused. */
  readonly orphans?: readonly Orphan[] | undefined;
  /** Whether the network of a pool reserves addresses; undefined: unknown, missing reservations are not reported. */
  readonly reserves?: ((key: PoolKey) => boolean) | undefined;
  /**
   * The allocation domains of an attachment, by its name in a pod's status: empty for an attachment of another IPAM plugin. An undefined
   * function or result: unknown, its addresses may belong to any pool.
   */
  readonly domainsOf?: ((attachment: string) => readonly string[] | undefined) | undefined;
  /** The configuration of networks. Default: unknown, nothing counts as configured. */
  readonly configured?: ConfiguredFacts | undefined;
  /** Node slices and nodes; undefined: they are not checked. */
  readonly slices?: SliceRecords | undefined;
  /** The IPAMClaims of the cluster; undefined: they are not checked. */
  readonly claims?: readonly ClaimFacts[] | undefined;
  /** Stored objects that cannot be read. Default: none. */
  readonly unreadable?: readonly Unreadable[];
}

/** Configuration that explains what would be an inconsistency otherwise. An undefined member or result: unknown. */
export interface ConfiguredFacts {
  /** How many ranges of one network share a pool: one interface gets as many addresses of it. */
  readonly rangesOf?: (key: PoolKey) => number | undefined;
  /** Whether every network of a pool may allocate addresses that overlapping pools have allocated (`enable_overlapping_ranges: false`). */
  readonly mayOverlap?: (key: PoolKey) => boolean | undefined;
  /** Whether an address of an attachment is one of `addresses`, which no pool records. */
  readonly isStatic?: (attachment: string, address: string) => boolean | undefined;
}

/** An entry and its address as text. */
interface TextEntry extends Entry {
  readonly address: string;
}

/** Compares pools, reservations, pods and slices. */
export function findInconsistencies(facts: StoreFacts): Finding[] {
  const { pools, reservations, pods, reserves, slices, unreadable = [] } = facts;
  const { domainsOf = () => undefined, configured = {} } = facts;
  return [
    ...unreadable.map(({ where, why }): Finding => ({
      ...NO_OWNER,
      kind: "unreadable",
      subject: "stored",
      pool: where,
      message: why,
    })),
    ...outside(pools),
    ...unowned(pools),
    ...duplicates(pools, configured),
    ...surplus(pools, pods, configured),
    ...strayReservations(pools, reservations),
    ...(pods ? orphans(facts.orphans ?? findOrphans(pools, pods)) : []),
    ...(pods ? unallocated(pools, pods, domainsOf, configured) : []),
    ...(pods && reserves ? unreserved(pools, reservations, pods, reserves) : []),
    ...findUnfinishedMoves(pools),
    ...findClaimFaults(facts.claims ?? [], pools),
    ...(slices ? findSliceFaults(slices).map((found): Finding => ({ ...NO_OWNER, subject: "slices", ...found })) : []),
  ];
}

function finding(
  kind: FindingKind,
  { key, allocation: { podRef, ifName, containerId }, address }: TextEntry,
  message: string,
): Finding {
  return {
    kind,
    subject: "entry",
    address,
    pool: formatPoolKey(key),
    network: key.network,
    podRef,
    ifName,
    containerId,
    message,
  };
}

function outside(pools: readonly PoolFacts[]): Finding[] {
  return entriesOutside(pools).map(withAddress).map((entry) =>
    finding("outside-range", entry, `${entry.address} is outside its pool ${formatPoolKey(entry.key)}`)
  );
}

/** The sweep keeps them forever, as the original does: nothing proves that they are unused. */
function unowned(pools: readonly PoolFacts[]): Finding[] {
  return entriesOf(pools).filter(({ allocation }) => allocation.podRef === "").map(withAddress).map((entry) =>
    finding(
      "unowned",
      entry,
      `${entry.address} is allocated to container ${shortId(entry.allocation)} of no known pod: its DEL releases it; ` +
        `release it by hand only if nothing uses it`,
    )
  ).toArray();
}

/** One address with two owners in overlapping pools of a network. Pools whose networks all disable reservations may share addresses. */
function duplicates(pools: readonly PoolFacts[], { mayOverlap = () => undefined }: ConfiguredFacts): Finding[] {
  const entriesAt = entriesByAddress(pools);
  return entriesOf(pools).flatMap((one) => {
    const same = entriesAt(addressOf(one));
    if (same.length < 2) return [];
    const before = same.slice(0, same.findIndex(({ allocation }) => allocation === one.allocation));
    const other = before.find((other) =>
      poolsOverlap(other, one) && !sameHolder(other, one) && !(mayOverlap(other.key) && mayOverlap(one.key))
    );
    if (!other) return [];
    const entry = withAddress(one);
    const { podRef } = other.allocation;
    const message = `${entry.address} is allocated to ${describeOwner(entry.allocation)} in pool ${
      formatPoolKey(entry.key)
    }, and to ${describeOwner(other.allocation)} in pool ${formatPoolKey(other.key)}`;
    return [{ ...finding("duplicate", entry, message), ...(podRef !== "" && { otherPod: podRef }) }];
  }).toArray();
}

function poolsOverlap(a: Entry, b: Entry): boolean {
  return a.key.network === b.key.network && overlap(a.key.cidr, b.key.cidr);
}

function sameHolder({ allocation: a }: Entry, { allocation: b }: Entry): boolean {
  if (a.podRef === "" || b.podRef === "") return a.containerId === b.containerId;
  return a.podRef === b.podRef && (a.ifName === b.ifName || !a.ifName || !b.ifName);
}

/**
 * Finds interfaces with more addresses of a pool than their network has ranges of it. Entries without an interface may belong to several and
 * are skipped. Addresses that the pod does not report are the surplus.
 */
function surplus(
  pools: readonly PoolFacts[],
  pods: readonly PodFacts[] | undefined,
  { rangesOf = () => undefined }: ConfiguredFacts,
): Finding[] {
  const all = pools.flatMap((pool) => surplusIn(pool, rangesOf(pool.key)));
  if (all.length === 0) return [];
  const byRef = new Map(pods?.map((pod) => [pod.podRef, pod]));
  return all.flatMap(({ max, entries }) => {
    const same = entries.map(withAddress);
    const isUsed = ({ address, allocation: { podRef } }: TextEntry) => {
      const pod = byRef.get(podRef);
      return pod !== undefined && hasAddress(pod, address);
    };
    const sorted = [...same.filter(isUsed), ...same.filter((entry) => !isUsed(entry))];
    return sorted.slice(max).map((entry) =>
      finding(
        "same-interface-twice",
        entry,
        `${describeOwner(entry.allocation)} has ${same.length} addresses of ${
          formatPoolKey(entry.key)
        }, of which its network has ` +
          `${max === 1 ? "1 range" : `${max} ranges`}: ${sorted.map(({ address }) => address).join(", ")}`,
      )
    );
  });
}

/** The entries of each interface that has more than `max` of a pool. */
function surplusIn(pool: PoolFacts, max: number | undefined): { readonly max: number; readonly entries: Entry[] }[] {
  if (max === undefined) return [];
  const byInterface = Map.groupBy(
    entriesOf([pool]).filter(({ allocation }) => allocation.ifName !== ""),
    ({ allocation: { podRef, ifName, containerId, keeper } }) =>
      [podRef, ifName, containerId, keeper?.uid ?? ""].join(" "),
  );
  return byInterface.values().filter((same) => same.length > 1 && same.length > max)
    .map((entries) => ({ max, entries })).toArray();
}

function strayReservations(pools: readonly PoolFacts[], reservations: readonly ReservationFacts[]): Finding[] {
  const entriesAt = entriesByAddress(pools);
  return reservations.filter(({ doubtful }) => !doubtful).flatMap((reservation): Finding[] => {
    const { ip, podRef, ifName, network } = reservation;
    const holders = entriesAt(ip);
    if (holders.some((holder) => belongsTo(holder, reservation))) return [];
    const address = formatIp(ip);
    const holder = holders.find(({ key }) => isExactly(key, network));
    const where = network === "" ? "" : ` in network ${network}`;
    const message = holder
      ? `${address} is reserved for ${describeOwner(reservation)}${where} and allocated to ${
        describeOwner(holder.allocation)
      }`
      : `${address} is reserved for ${describeOwner(reservation)}${where}, but not allocated in any pool`;
    return [{
      kind: holder ? "reservation-of-another" : "reservation-without-entry",
      subject: "reservation",
      address,
      pool: holder ? formatPoolKey(holder.key) : "",
      network,
      podRef,
      ifName,
      containerId: reservation.containerId ?? "",
      ...(holder?.allocation.podRef && { otherPod: holder.allocation.podRef }),
      message,
    }];
  });
}

/** Addresses that pods report, inside a pool of their network, without an entry of the pod. */
function unallocated(
  pools: readonly PoolFacts[],
  pods: readonly PodFacts[],
  domainsOf: (attachment: string) => readonly string[] | undefined,
  { isStatic = () => undefined }: ConfiguredFacts,
): Finding[] {
  return findUnrecorded(pools, pods, domainsOf, isStatic).map(({ podRef, address, key, holder }): Finding => ({
    ...NO_OWNER,
    kind: holder ? "pod-address-of-another" : "pod-address-unallocated",
    subject: "pod",
    address,
    pool: formatPoolKey(key),
    network: key.network,
    podRef,
    ...(holder && { otherPod: holder.allocation.podRef }),
    message: holder
      ? `${podRef} uses ${address}, which is allocated to ${describeOwner(holder.allocation)}`
      : `${podRef} uses ${address}, which is not allocated in its pool`,
  }));
}

function unreserved(
  pools: readonly PoolFacts[],
  reservations: readonly ReservationFacts[],
  pods: readonly PodFacts[],
  reserves: (key: PoolKey) => boolean,
): Finding[] {
  return findUnreserved(reservations, pools, pods, reserves).map(withAddress).map((entry) =>
    finding(
      "entry-without-reservation",
      entry,
      `${entry.address} is allocated to ${describeOwner(entry.allocation)}, but not reserved across overlapping pools`,
    )
  );
}

function orphans(found: readonly Orphan[]): Finding[] {
  return found.map(({ reason, ...orphan }) => {
    const entry = withAddress(orphan);
    const owner = describeOwner(entry.allocation);
    const { keeper } = entry.allocation;
    if (keeper) {
      const message = `${entry.address} is kept for ${owner} by ${describeKeeper(keeper)}, but the ${reason}`;
      return finding("keeper-gone", entry, message);
    }
    return finding("orphan", entry, `${entry.address} is allocated to ${owner}, but the ${reason}`);
  });
}

function withAddress(entry: Entry): TextEntry {
  return { ...entry, address: formatIp(addressOf(entry)) };
}
