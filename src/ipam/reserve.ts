/**
 * Reservations during ADD: creates one, or takes it over from a former sandbox of the same interface.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import { judgeTakeover } from "../pool/takeover.ts";
import { ConflictError, type Reservation, type Reservations, type ReserveResult } from "../storage/driver.ts";
import { SupersededError } from "./errors.ts";
import type { Ipam } from "./ipam.ts";

/** Max attempts if the reservation keeps changing between read and takeover: only calls for the same interface change it. */
const MAX_ATTEMPTS = 10;

/** The result of reserving: the caller has the reservation, or another owner has. */
type Reserved = Exclude<ReserveResult, { readonly kind: "own" }>;

/**
 * Makes the reservation of an entry that the caller wrote before.
 *
 * A reservation of the same interface that names another sandbox is taken over in two cases: it names the sandbox whose entry the caller took
 * over (`former`); or the pools, listed after the reservation was read, have the caller's entry and no other entry that depends on it.
 * Entries are written first, so of two concurrent sandboxes at least one sees the other. A delayed call of an old sandbox therefore never
 * takes over a reservation that a newer one depends on.
 *
 * @param former the container id of the entry before the caller took it over; undefined if the address was free
 * @param isFresh whether the caller created the entry
 * @throws {SupersededError} a newer sandbox of the interface took the entry over
 * @throws {ConflictError} the store lost the entry of another pod of the keeper, which may use the address
 */
export async function reserve(
  { driver }: Pick<Ipam, "driver">,
  reservations: Reservations,
  wanted: Reservation,
  former: string | undefined,
  signal: AbortSignal,
  isFresh = false,
): Promise<Reserved> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const result = await reservations.reserve(wanted, signal);
    if (result.kind !== "own") return result;
    const { reservation: found } = result;
    if (isFresh && namesOtherPod(found, wanted)) throw entryLost(found);
    const succeeds = found.containerId !== "" && found.containerId === former && found.ifName === wanted.ifName;
    if (!succeeds) {
      const pools = await driver.list(signal);
      const takeover = judgeTakeover(pools, found, wanted);
      if (takeover.kind === "superseded") throw superseded(wanted);
      if (takeover.kind === "foreign") return takeover;
    }
    const reservation = await reservations.takeOver(found, wanted, signal);
    if (reservation) return { kind: "kept", reservation };
  }
  throw new ConflictError(`The reservation of ${formatIp(wanted.ip)} changed during each of ${MAX_ATTEMPTS} attempts`);
}

/** Whether a kept reservation names a sandbox of another pod than the one that wants it. */
function namesOtherPod(found: Reservation, { podRef }: Reservation): boolean {
  return found.keeper !== undefined && found.containerId !== "" && found.podRef !== podRef;
}

function entryLost({ ip, podRef, keeper }: Reservation): ConflictError {
  return new ConflictError(
    `Address ${
      formatIp(ip)
    } of ${keeper?.kind} ${keeper?.name} is reserved for ${podRef}, whose entry the store lost; ` +
      "the sweep restores it: run the controller, or whereabouts reconcile",
  );
}

function superseded({ ip, podRef, ifName, containerId }: Reservation): SupersededError {
  return new SupersededError(
    `Address ${
      formatIp(ip)
    } is no longer allocated to container ${containerId}: a newer sandbox of ${podRef} (${ifName}) ` +
      "took it over during this ADD; retry if the container still exists",
  );
}
