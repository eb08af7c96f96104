/**
 * Taking back what nobody holds.
 *
 * An entry is freed only when two looks, a grace period apart, agree that no pod of its podRef holds the address, and only if it is
 * still exactly as it was seen. A look that fails is no look.
 *
 * @module
 */
import { formatIp, sameIp } from "../address/ip.ts";
import { agreed, findOrphans, type Orphan, type PodFacts } from "../pool/orphans.ts";
import { formatPoolKey } from "../pool/types.ts";
import type { PoolSnapshot, Reservation } from "../storage/driver.ts";
import { retry } from "../storage/retry.ts";
import type { Ipam } from "./ipam.ts";
import { releaseAllocations } from "./release.ts";

/** How a sweep is made. */
export interface SweepOptions {
  /** Every pod of the cluster, now. */
  readonly pods: (signal: AbortSignal) => Promise<readonly PodFacts[]>;
  /** Milliseconds between the two looks. */
  readonly grace: number;
  /** Look, and free nothing. */
  readonly dryRun: boolean;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** A reservation whose pod is gone, or that belongs to no pool entry. */
export interface StrayReservation {
  /** The reservation. */
  readonly reservation: Reservation;
  /** Why. */
  readonly reason: "pod is gone" | "no pool entry";
}

/** What a sweep came to. */
export interface Swept {
  /** Freed entries; with `dryRun` those that would be. */
  readonly orphans: readonly Orphan[];
  /** Freed reservations; with `dryRun` those that would be. */
  readonly reservations: readonly StrayReservation[];
  /** What could not be freed; the rest was. */
  readonly failures: readonly unknown[];
}

interface Look {
  readonly orphans: readonly Orphan[];
  readonly strays: readonly StrayReservation[];
}

/**
 * Makes one sweep over every pool of the store.
 *
 * @throws what a look threw: nothing was freed then
 */
export async function sweep(ipam: Ipam, options: SweepOptions): Promise<Swept> {
  const first = await look(ipam, options);
  if (first.orphans.length === 0 && first.strays.length === 0) return { orphans: [], reservations: [], failures: [] };
  await ipam.clock.sleep(options.grace, options.signal);
  const second = await look(ipam, options);
  const orphans = agreed(first.orphans, second.orphans);
  const strays = second.strays.filter((stray) =>
    first.strays.some((before) => sameReservation(before.reservation, stray.reservation))
  );
  if (options.dryRun) return { orphans, reservations: strays, failures: [] };
  return await free(ipam, orphans, strays, options.signal);
}

/** Pools first, pods last: a pod that is added between the two reads is seen with its entry, not taken for gone. */
async function look(ipam: Ipam, { pods, signal }: SweepOptions): Promise<Look> {
  const { driver, clock } = ipam;
  const pools = await retry((limit) => driver.list(limit), clock, signal);
  const reservations = await listReservations(ipam, signal);
  const known = await retry(pods, clock, signal);
  return { orphans: findOrphans(pools, known), strays: findStrays(reservations, pools, known) };
}

function findStrays(
  reservations: readonly Reservation[],
  pools: readonly PoolSnapshot[],
  pods: readonly PodFacts[],
): StrayReservation[] {
  const live = new Set(pods.filter(({ finished }) => !finished).map(({ podRef }) => podRef));
  const held = new Set(
    pools.flatMap(({ key, allocations }) =>
      [...allocations.values()].map(({ address, podRef }) =>
        `${formatIp({ family: key.cidr.family, value: address })} ${podRef}`
      )
    ),
  );
  return reservations.flatMap((reservation) => {
    if (held.has(`${formatIp(reservation.ip)} ${reservation.podRef}`)) return [];
    const reason = live.has(reservation.podRef) ? "no pool entry" : "pod is gone";
    return [{ reservation, reason } as const];
  });
}

function sameReservation(a: Reservation, b: Reservation): boolean {
  return sameIp(a.ip, b.ip) && a.network === b.network && a.podRef === b.podRef && a.token === b.token;
}

async function free(
  ipam: Ipam,
  orphans: readonly Orphan[],
  strays: readonly StrayReservation[],
  signal: AbortSignal,
): Promise<Swept> {
  const { driver, clock } = ipam;
  const failures: unknown[] = [];
  const attempt = async <T>(one: T, work: () => Promise<boolean>): Promise<T[]> => {
    try {
      return await work() ? [one] : [];
    } catch (error) {
      failures.push(error);
      return [];
    }
  };
  const freed: Orphan[] = [];
  for (const orphan of orphans) {
    const free = async () => (await releaseAllocations(ipam, orphan.key, [orphan.allocation], signal)).length > 0;
    freed.push(...await attempt(orphan, free));
  }
  const release = ({ reservation }: StrayReservation) =>
    retry((limit) => driver.overlaps?.release(reservation, limit) ?? Promise.resolve(false), clock, signal);
  const released: StrayReservation[] = [];
  for (const stray of strays) released.push(...await attempt(stray, () => release(stray)));
  for (const { key, allocation, reason } of freed) {
    const address = formatIp({ family: key.cidr.family, value: allocation.address });
    ipam.log.info("Freed", { pool: formatPoolKey(key), address, pod: allocation.podRef, reason });
  }
  return { orphans: freed, reservations: released, failures };
}

function listReservations({ driver, clock }: Ipam, signal: AbortSignal): Promise<Reservation[]> {
  return retry((limit) => driver.overlaps?.list(undefined, limit) ?? Promise.resolve([]), clock, signal);
}
