/**
 * What the pools say about a reservation of the owner's own pod that names another sandbox, or no interface.
 *
 * @module
 */
import type { PoolFacts } from "./orphans.ts";
import type { ReservationFacts } from "./reservations.ts";
import { type Allocation, mayBeOf, type Owner, sameOwner } from "./types.ts";

/**
 * Whether an owner may replace a reservation. `superseded`: its own entry is gone, a newer sandbox took it over. `foreign`: another
 * entry of the pod depends on the reservation, so the address is the holder's.
 */
export type Takeover =
  | { readonly kind: "allowed" | "superseded" }
  | { readonly kind: "foreign"; readonly holder: Owner };

/** Decides for an owner who wrote its entry, then found the reservation, then listed the pools. In this order no entry is missed. */
export function judgeTakeover(pools: readonly PoolFacts[], found: ReservationFacts, owner: Owner): Takeover {
  const entries = dependents(pools, found, owner.ifName);
  const holder = entries.find((entry) => !sameOwner(entry, owner));
  if (!entries.some((entry) => sameOwner(entry, owner))) return { kind: "superseded" };
  return holder ? { kind: "foreign", holder } : { kind: "allowed" };
}

/**
 * Entries of the reservation's address, in whichever pool, that may depend on it: of its pod, and of this interface. Records of old
 * releases name no interface; an entry or a reservation without one may be any interface's.
 */
export function dependents(pools: readonly PoolFacts[], found: ReservationFacts, ifName: string): Allocation[] {
  const { network, ip, podRef } = found;
  return pools.filter(({ key }) => key.cidr.family === ip.family && mayBeOf(key, network))
    .flatMap(({ allocations }) => allocations.get(ip.value) ?? [])
    .filter((entry) =>
      entry.podRef === podRef && (entry.ifName === ifName || entry.ifName === "" || found.ifName === "")
    );
}
