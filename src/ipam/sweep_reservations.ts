/**
 * The part of a scan that handles reservations: those without an entry, missing ones, and addresses with two owners.
 *
 * @module
 */
import { contains } from "../address/cidr.ts";
import { formatIp, type Ip } from "../address/ip.ts";
import { type Assignment, RECHECK_GRACE } from "../pool/evidence.ts";
import { type Duplicate, findUnrecorded } from "../pool/duplicates.ts";
import type { PodFacts } from "../pool/pod_facts.ts";
import { mayHold } from "../pool/pod_owner.ts";
import { keeperState } from "../pool/keepers.ts";
import { nextRanges } from "../pool/move.ts";
import { PoolIndex } from "../pool/pool_index.ts";
import { hasEntryOf, isKeptIn } from "../pool/restore.ts";
import { findLagging, findStrays, findUnreserved, poolsFor, type Stray } from "../pool/strays.ts";
import type { Allocations, Entry, Owner, PoolKey } from "../pool/types.ts";
import type { PoolSnapshot, Reservation } from "../storage/driver.ts";
import { examine, type Examined, type Examinee, unread } from "./examine.ts";
import { duplicateMark, entryMark, reservationMark } from "./marks.ts";
import { freeReservations, type Reclaimed, reserveEntries, restoreEntries, updateReservations } from "./reclaim.ts";
import type { ScanContext, StrayReservation, Swept } from "./sweep_types.ts";
import type { Suspect } from "./suspicions.ts";
import { EvidenceReader } from "./witness.ts";

interface Candidate extends Examinee {
  readonly stray: Stray<Reservation>;
}

/** The result of the part. */
type Part = Pick<Swept, "reservations" | "reserved" | "restored" | "duplicates" | "failures">;

/**
 * Frees unused reservations, creates missing ones and missing entries, and updates those that lag behind their entries.
 *
 * @param reservations all reservations; empty if they are not scanned
 * @throws the signal's reason once it aborts
 */
export async function sweepReservations(context: ScanContext, reservations: readonly Reservation[]): Promise<Part> {
  const { ipam, pods, pools, suspicions, scope, dryRun, signal } = context;
  const isInScope = ({ podRef }: Owner) => !scope || scope.podRefs.has(podRef);
  const strays = findStrays(reservations, pools).filter(({ reservation }) => isInScope(reservation));
  const index = knownPools(context);
  const candidates = strays.map((stray) => candidateOf(context, index, stray));
  const { examined, failures } = await examine(ipam, pods, suspicions, candidates, signal);
  const unused = examined.flatMap(({ item, verdict }): (StrayReservation & { readonly item: Candidate })[] =>
    verdict.kind === "free" ? [{ reservation: item.stray.reservation, reason: verdict.reason, item }] : []
  );
  for (const { item, verdict, evidence } of examined) {
    // what is kept without its sandbox is restored, and then detached as an entry
    if (verdict.kind === "detach") suspicions.clear(item);
    if ((verdict.kind === "suspect" && !verdict.detaches) || unread(evidence)) context.marks.add(item.mark);
  }
  const freed: Reclaimed<(typeof unused)[number]> = dryRun
    ? { done: unused, failed: [], failures: [] }
    : await freeReservations(ipam, unused, signal);
  for (const stray of unused) {
    if (!freed.failed.includes(stray)) suspicions.clear(stray.item);
    else {
      suspicions.postpone(stray.item);
      context.marks.add(stray.item.mark);
    }
  }
  const inUse = examined.filter(isInUse);
  const lost = examined.filter((one) => isInUse(one) || isKept(one)).flatMap(({ item }) =>
    lostEntry(index, item.stray)
  );
  const restored = await repair(context, lost, restoreEntries);
  const known = await podsOf(context);
  const areScanned = ipam.driver.reservations && (!scope || scope.reservations);
  const unreserved = areScanned && pods.reserves
    ? findUnreserved(reservations, pools, known, pods.reserves).filter(({ allocation }) => isInScope(allocation))
    : [];
  const reserved = await repair(context, unreserved, reserveEntries);
  const lagging = new Map(
    findLagging(reservations, pools).filter(({ entry }) => isInScope(entry.allocation)).map((one) => [one.entry, one]),
  );
  const updated = await repair(context, [...lagging.keys()], async (_, entries) => {
    const ones = entries.map((entry) => lagging.get(entry)).filter((one) => one !== undefined);
    const { done, failed, failures } = await updateReservations(ipam, ones, signal);
    return { done: done.map(({ entry }) => entry), failed: failed.map(({ entry }) => entry), failures };
  });
  return {
    reservations: freed.done.map(({ reservation, reason }) => ({ reservation, reason })),
    reserved: [...reserved.done, ...updated.done.map((entry) => ({ ...entry, isOutdated: true as const }))],
    restored: restored.done,
    duplicates: duplicates(context, inUse, known),
    failures: [failures, freed.failures, restored.failures, reserved.failures, updated.failures].flat(),
  };
}

function candidateOf(context: ScanContext, known: KnownPools, stray: Stray<Reservation>): Candidate {
  const { reservation } = stray;
  return {
    stray,
    rules: context.rules,
    assignment: claimedOf(context, known, reservation),
    mark: reservationMark(reservation),
    podRef: reservation.podRef,
    reservations: true,
  };
}

/** A reservation does not record its range: of the possible ranges the smallest is the least likely to contradict the owner. */
function claimedOf({ pods }: ScanContext, known: KnownPools, reservation: Reservation): Assignment {
  const keys = poolsFor(reservation, known);
  const ranges = keys.map((key) => pods.wholeRange?.(key) ?? key.cidr);
  const [range] = ranges.toSorted((a, b) => b.prefix - a.prefix);
  const { keeper: _, ...withoutKeeper } = reservation;
  // its pool was lost, and its keeper has another address of it by now
  const isReplaced = keys.some((key) => isKeptIn(allocationsOf(known, key), reservation));
  return { owner: isReplaced ? withoutKeeper : reservation, ip: reservation.ip, ...(range && { range }) };
}

function allocationsOf(known: KnownPools, key: PoolKey): Allocations {
  return known.get(key)?.allocations ?? new Map();
}

/** The pools that are stored, and those that networks use. */
type KnownPools = PoolIndex<Pick<PoolSnapshot, "key"> & Partial<Pick<PoolSnapshot, "allocations" | "move">>>;

function knownPools({ pools, pods }: ScanContext): KnownPools {
  return new PoolIndex([...pools, ...(pods.poolsInUse?.() ?? []).map((key) => ({ key }))]);
}

/** Whether the pod of a reservation runs, and may use the address. */
function isInUse({ item, evidence: { pod, node, claims } }: Examined<Candidate>): boolean {
  return pod.kind === "found" && pod.value.running && mayHold(pod.value, item.assignment) &&
    !unread({ pod, claims, ...(node && { node }) });
}

/** Whether the keeper of a reservation keeps the address. */
function isKept({ item: { assignment: { owner } }, evidence }: Examined<Candidate>): boolean {
  const { keeper } = owner;
  return keeper !== undefined && keeperState({ ...owner, keeper }, evidence.keeper).kind === "keeps";
}

/**
 * The lost entry of a reservation whose pod runs, or whose keeper exists, if its pool is known and has no other entry of that interface. A
 * network-status without a reservation is not enough: the pod itself may have written it.
 */
function lostEntry(known: KnownPools, { reservation, holder }: Stray<Reservation>): Entry[] {
  if (holder) return [];
  const pools = poolsFor(reservation, known);
  const [key, ...others] = pools.filter((one) => !forwards(known, one, reservation.ip));
  if (!key || key.otherReadings || others.length > 0) return [];
  if (hasEntryOf(allocationsOf(known, key), reservation)) return [];
  const { network: _, ip, token: __, ...owner } = reservation;
  return [{ key, allocation: { ...owner, address: ip.value } }];
}

/** Whether the entry of an address belongs to the pool to which the entries of this one have moved. */
function forwards(known: KnownPools, key: PoolKey, ip: Ip): boolean {
  return nextRanges(known.get(key)?.move, [ip]).some((cidr) => contains(cidr, ip));
}

/** Repairs the entries that two scans found. */
async function repair(
  context: ScanContext,
  entries: readonly Entry[],
  work: typeof reserveEntries,
): Promise<{ readonly done: readonly Entry[]; readonly failures: readonly unknown[] }> {
  const { ipam, suspicions, dryRun, signal } = context;
  const suspects = new Map(entries.map((entry) => [entry, missing(entry)]));
  const confirmed = [...suspects].filter(([, suspect]) => seenTwice(context, suspect)).map(([entry]) => entry);
  const { done, failures, failed } = dryRun
    ? { done: confirmed, failures: [], failed: [] }
    : await work(ipam, confirmed, signal);
  for (const [entry, suspect] of suspects) {
    if (failed.includes(entry)) suspicions.postpone(suspect);
    else if (confirmed.includes(entry)) suspicions.clear(suspect);
  }
  return { done, failures };
}

/** The suspicion that an entry or its reservation is missing. Separate from the suspicion that the entry is unused. */
function missing({ key, allocation }: Entry): Suspect {
  return { mark: `missing ${entryMark(key, allocation)}`, podRef: allocation.podRef, reservations: true };
}

function seenTwice({ suspicions, rules, marks }: ScanContext, suspect: Suspect): boolean {
  marks.add(suspect.mark);
  return suspicions.seenBefore(suspect, rules.grace ?? RECHECK_GRACE);
}

/** The pods to compare entries with: all listed ones, or those in scope. Empty if reservations are not scanned. */
async function podsOf({ scope, listed, pods, ipam, signal }: ScanContext): Promise<readonly PodFacts[]> {
  if (!scope) return listed;
  if (!scope.reservations) return [];
  return await new EvidenceReader(pods, ipam.clock, signal).pods([...scope.podRefs]);
}

/** Addresses that a running pod has reserved, or reports, while their entry belongs to another owner. */
function duplicates(
  context: ScanContext,
  inUse: readonly Examined<Candidate>[],
  known: readonly PodFacts[],
): Duplicate[] {
  const reserved = inUse.flatMap(({ item: { stray: { reservation, holder } } }): Duplicate[] =>
    holder
      ? [{
        network: reservation.network,
        address: formatIp(reservation.ip),
        podRef: reservation.podRef,
        holder: holder.allocation,
      }]
      : []
  );
  const { pools, pods: { domainsOf = () => undefined, configured } } = context;
  const reported = findUnrecorded(pools, known, domainsOf, configured?.isStatic).flatMap((
    { podRef, address, key, holder },
  ): Duplicate[] => holder ? [{ network: key.network, address, podRef, holder: holder.allocation }] : []);
  const all = new Map([...reported, ...reserved].map((one) => [`${one.network} ${one.address} ${one.podRef}`, one]));
  return [...all.values()].filter((one) =>
    seenTwice(context, { mark: duplicateMark(one), podRef: one.podRef, reservations: true })
  );
}
