/**
 * Decides whether an owner may take over a reservation of its own pod that names another sandbox, or no interface.
 *
 * @module
 */
import type { PoolFacts } from "./orphans.ts";
import type { ReservationFacts } from "./strays.ts";
import { type Allocation, isKeptFor, mayBeOf, type Owner, sameOwner } from "./types.ts";

/**
 * Whether an owner may take over a reservation. `superseded`: a newer sandbox took over the owner's entry. `foreign`: another entry of the
 * pod depends on the reservation, so the address belongs to the holder.
 */
type Takeover =
  | { readonly kind: "allowed" | "superseded" }
  | { readonly kind: "foreign"; readonly holder: Owner };

/**
 * Decides for an owner that wrote its entry first, then read the reservation, then listed the pools. In this order the list misses no entry
 * that depends on the reservation.
 */
export function judgeTakeover(pools: readonly PoolFacts[], found: ReservationFacts, owner: Owner): Takeover {
  const entries = dependents(pools, found, owner.ifName);
  const holder = entries.find((entry) => !sameOwner(entry, owner));
  if (!entries.some((entry) => sameOwner(entry, owner))) return { kind: "superseded" };
  return holder ? { kind: "foreign", holder } : { kind: "allowed" };
}

/**
 * Entries of the reservation's address, in any pool, that may depend on it: those that its keeper keeps, and those of its pod and of this
 * interface. Old records name no interface: an entry or a reservation without one may belong to any interface.
 */
export function dependents(pools: readonly PoolFacts[], found: ReservationFacts, ifName: string): Allocation[] {
  const { network, ip, podRef } = found;
  return pools.filter(({ key }) => key.cidr.family === ip.family && mayBeOf(key, network))
    .flatMap(({ allocations }) => allocations.get(ip.value) ?? [])
    .filter((entry) =>
      isKeptFor({ ...found, ifName }, entry) ||
      entry.podRef === podRef && (entry.ifName === ifName || entry.ifName === "" || found.ifName === "")
    );
}
