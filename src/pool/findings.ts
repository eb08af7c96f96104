/**
 * What does not fit together in a store: the rules of checker and sweep.
 *
 * @module
 */
import { contains, overlap } from "../address/cidr.ts";
import { formatIp } from "../address/ip.ts";
import { type Finding, type FindingKind, NOBODY, shortId, type Unreadable, whose } from "./finding.ts";
import { findUnrecorded } from "./duplicates.ts";
import { type Entry as Held, findOrphans, type Orphan, type PoolFacts } from "./orphans.ts";
import type { PodFacts } from "./pod_facts.ts";
import { belongsTo, findUnreserved, isExactly, type ReservationFacts } from "./reservations.ts";
import { findSliceFaults, type SliceRecords } from "./slice_findings.ts";
import { type Allocation, formatPoolKey, type PoolKey } from "./types.ts";

/** What is compared. */
export interface StoreFacts {
  /** Every pool. */
  readonly pools: readonly PoolFacts[];
  /** Every reservation. */
  readonly reservations: readonly ReservationFacts[];
  /** Every pod; undefined: pods are not looked at. */
  readonly pods?: readonly PodFacts[] | undefined;
  /** The entries that nobody uses, by evidence that was read. Default: what the list of pods shows of them. */
  readonly orphans?: readonly Orphan[] | undefined;
  /** Whether the network of a pool reserves addresses; undefined: unknown, missing reservations are not looked for. */
  readonly reserves?: ((key: PoolKey) => boolean) | undefined;
  /**
   * The allocation domains that an attachment gives from, by its name in a pod's status: none for one of another IPAM plugin. Undefined, the
   * function or its answer: unknown, so that its addresses may be of any pool.
   */
  readonly domainsOf?: ((attachment: string) => readonly string[] | undefined) | undefined;
  /** What networks are configured to do. Default: unknown, so that nothing counts as configured. */
  readonly configured?: ConfiguredFacts | undefined;
  /** Node slices, and the nodes; undefined: they are not looked at. */
  readonly slices?: SliceRecords | undefined;
  /** What the store cannot read. Default: nothing. */
  readonly unreadable?: readonly Unreadable[];
}

/** What networks are configured to do, so that it is not taken for a mistake. Each member, and its answer: undefined where it is unknown. */
export interface ConfiguredFacts {
  /** Of how many ranges of one network a pool is, so many addresses of it one interface gets. */
  readonly rangesOf?: (key: PoolKey) => number | undefined;
  /** Whether every network of a pool may allocate what overlapping pools have allocated (`enable_overlapping_ranges: false`). */
  readonly mayOverlap?: (key: PoolKey) => boolean | undefined;
  /** Whether an attachment has an address of `addresses`, which no pool records. */
  readonly isStatic?: (attachment: string, address: string) => boolean | undefined;
}

interface Entry {
  readonly pool: PoolFacts;
  readonly allocation: Allocation;
  readonly address: string;
}

/** Compares pools, reservations, pods and slices. */
export function findInconsistencies(facts: StoreFacts): Finding[] {
  const { pools, reservations, pods, reserves, slices, unreadable = [] } = facts;
  const { domainsOf = () => undefined, configured = {} } = facts;
  const entries = pools.flatMap((pool) =>
    [...pool.allocations.values()].map((allocation): Entry => ({
      pool,
      allocation,
      address: formatIp({ family: pool.key.cidr.family, value: allocation.address }),
    }))
  );
  const byAddress = Map.groupBy(entries, ({ address }) => address);
  return [
    ...unreadable.map(({ where, why }): Finding => ({
      ...NOBODY,
      kind: "unreadable",
      subject: "stored",
      pool: where,
      message: why,
    })),
    ...outside(entries),
    ...unowned(entries),
    ...duplicates(byAddress, configured),
    ...twice(entries, pods, configured),
    ...strayReservations(byAddress, reservations),
    ...(pods ? orphans(facts.orphans ?? findOrphans(pools, pods)) : []),
    ...(pods ? unallocated(pools, pods, domainsOf, configured) : []),
    ...(pods && reserves ? unreserved(pools, reservations, pods, reserves) : []),
    ...(slices ? findSliceFaults(slices).map((found): Finding => ({ ...NOBODY, subject: "slices", ...found })) : []),
  ];
}

function finding(
  kind: FindingKind,
  { pool: { key }, allocation: { podRef, ifName, containerId }, address }: Entry,
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

function outside(entries: readonly Entry[]): Finding[] {
  return entries.filter(({ pool, allocation }) =>
    !contains(pool.key.cidr, { family: pool.key.cidr.family, value: allocation.address })
  ).map((entry) =>
    finding("outside-range", entry, `${entry.address} lies outside of its pool ${formatPoolKey(entry.pool.key)}`)
  );
}

/** The original keeps them for ever, and so does the sweep: nobody can be asked whether they are in use. */
function unowned(entries: readonly Entry[]): Finding[] {
  return entries.filter(({ allocation }) => allocation.podRef === "").map((entry) =>
    finding(
      "unowned",
      entry,
      `${entry.address} is allocated to container ${shortId(entry.allocation)} of no known pod: its DEL releases it; ` +
        `by hand only once nobody uses it`,
    )
  );
}

/** One address in two pools of a network that overlap, held by two owners. Networks that all switched reservations off may do so. */
function duplicates(
  byAddress: ReadonlyMap<string, readonly Entry[]>,
  { mayOverlap = () => undefined }: ConfiguredFacts,
): Finding[] {
  return [...byAddress.values()].flatMap((same) =>
    same.flatMap((entry, i) => {
      const other = same.slice(0, i).find((before) =>
        meets(before, entry) && !sameHolder(before, entry) &&
        !(mayOverlap(before.pool.key) && mayOverlap(entry.pool.key))
      );
      if (!other) return [];
      const { podRef } = other.allocation;
      const message = `${entry.address} is allocated to ${whose(entry.allocation)} in pool ${
        formatPoolKey(entry.pool.key)
      }, and to ${whose(other.allocation)} in pool ${formatPoolKey(other.pool.key)}`;
      return [{ ...finding("duplicate", entry, message), ...(podRef !== "" && { otherPod: podRef }) }];
    })
  );
}

function meets(a: Entry, b: Entry): boolean {
  return a.pool.key.network === b.pool.key.network && overlap(a.pool.key.cidr, b.pool.key.cidr);
}

function sameHolder({ allocation: a }: Entry, { allocation: b }: Entry): boolean {
  if (a.podRef === "" || b.podRef === "") return a.containerId === b.containerId;
  return a.podRef === b.podRef && (a.ifName === b.ifName || !a.ifName || !b.ifName);
}

/**
 * More addresses of one pool for one interface than its network has ranges of it. Entries without interface may be of several. Those that the
 * pod reports come first, so that the others are the surplus.
 */
function twice(
  entries: readonly Entry[],
  pods: readonly PodFacts[] | undefined,
  { rangesOf = () => undefined }: ConfiguredFacts,
): Finding[] {
  const byInterface = Map.groupBy(
    entries.filter(({ allocation }) => allocation.ifName !== ""),
    ({ pool, allocation }) =>
      `${formatPoolKey(pool.key)} ${allocation.podRef} ${allocation.ifName} ${allocation.containerId}`,
  );
  const reported = new Map(pods?.map(({ podRef, addresses }) => [podRef, addresses]));
  return [...byInterface.values()].flatMap((same) => {
    const [first] = same;
    const most = first && same.length > 1 ? rangesOf(first.pool.key) : undefined;
    if (!first || most === undefined || same.length <= most) return [];
    const { podRef } = first.allocation;
    const isUsed = ({ address }: Entry) => reported.get(podRef)?.has(address) ?? false;
    const sorted = [...same.filter(isUsed), ...same.filter((entry) => !isUsed(entry))];
    return sorted.slice(most).map((entry) =>
      finding(
        "same-interface-twice",
        entry,
        `${whose(entry.allocation)} has ${same.length} addresses of ${
          formatPoolKey(entry.pool.key)
        }, of which its network has ` +
          `${most === 1 ? "1 range" : `${most} ranges`}: ${sorted.map(({ address }) => address).join(", ")}`,
      )
    );
  });
}

function strayReservations(
  byAddress: ReadonlyMap<string, readonly Entry[]>,
  reservations: readonly ReservationFacts[],
): Finding[] {
  return reservations.filter(({ doubtful }) => !doubtful).flatMap((reservation): Finding[] => {
    const { ip, podRef, ifName, network } = reservation;
    const address = formatIp(ip);
    const holders = byAddress.get(address) ?? [];
    if (holders.some(({ pool, allocation }) => belongsTo({ key: pool.key, allocation }, reservation))) return [];
    const holder = holders.find(({ pool }) => isExactly(pool.key, network));
    const where = network === "" ? "" : ` in network ${network}`;
    const message = holder
      ? `${address} is reserved for ${whose(reservation)}${where} and allocated to ${whose(holder.allocation)}`
      : `${address} is reserved for ${whose(reservation)}${where}, and no pool has it allocated`;
    return [{
      kind: holder ? "reservation-of-another" : "reservation-without-entry",
      subject: "reservation",
      address,
      pool: holder ? formatPoolKey(holder.pool.key) : "",
      network,
      podRef,
      ifName,
      containerId: reservation.containerId ?? "",
      ...(holder?.allocation.podRef && { otherPod: holder.allocation.podRef }),
      message,
    }];
  });
}

/** Addresses that pods report, inside of a pool of their network, without an entry of theirs. */
function unallocated(
  pools: readonly PoolFacts[],
  pods: readonly PodFacts[],
  domainsOf: (attachment: string) => readonly string[] | undefined,
  { isStatic = () => undefined }: ConfiguredFacts,
): Finding[] {
  return findUnrecorded(pools, pods, domainsOf, isStatic).map(({ podRef, address, key, holder }): Finding => ({
    ...NOBODY,
    kind: holder ? "pod-address-of-another" : "pod-address-unallocated",
    subject: "pod",
    address,
    pool: formatPoolKey(key),
    network: key.network,
    podRef,
    ...(holder && { otherPod: holder.allocation.podRef }),
    message: holder
      ? `${podRef} has ${address}, which is allocated to ${whose(holder.allocation)}`
      : `${podRef} has ${address}, which its pool does not have allocated`,
  }));
}

function unreserved(
  pools: readonly PoolFacts[],
  reservations: readonly ReservationFacts[],
  pods: readonly PodFacts[],
  reserves: (key: PoolKey) => boolean,
): Finding[] {
  return findUnreserved(reservations, pools, pods, reserves).map((held) => {
    const entry = entryOf(held);
    const message = `${entry.address} is allocated to ${
      whose(held.allocation)
    }, and not reserved over overlapping pools`;
    return finding("entry-without-reservation", entry, message);
  });
}

function orphans(found: readonly Orphan[]): Finding[] {
  return found.map(({ reason, ...held }) => {
    const entry = entryOf(held);
    return finding("orphan", entry, `${entry.address} is allocated to ${whose(held.allocation)}, but the ${reason}`);
  });
}

function entryOf({ key, allocation }: Held): Entry {
  const address = formatIp({ family: key.cidr.family, value: allocation.address });
  return { pool: { key, allocations: new Map() }, allocation, address };
}
