/**
 * ADD's part of a reservation: claim it, or take it over from a former sandbox of the same interface.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import { judgeTakeover } from "../pool/takeover.ts";
import { type ClaimResult, ConflictError, type Reservation, type Reservations } from "../storage/driver.ts";
import { SupersededError } from "./errors.ts";
import type { Ipam } from "./ipam.ts";

/** How often a reservation may change between finding it and taking it over. */
const ROUNDS = 10;

/** A claim that is decided: the caller has the reservation, or somebody else has. */
export type Reserved = Exclude<ClaimResult, { readonly kind: "own" }>;

/**
 * Claims the reservation of an entry that the caller wrote before.
 *
 * A reservation of the same interface that names another sandbox is taken over in two cases. Either it names the very sandbox from whose
 * entry the caller took the address over (`former`). Or the pools, listed after the reservation was found, hold the caller's entry and no
 * other entry that depends on it. Everybody writes the entry first, so of two sandboxes that meet here at least one sees the other. The
 * late call of an old sandbox therefore never takes over what a newer one depends on.
 *
 * @param former container id that the entry named before; undefined where the entry was free
 * @throws {SupersededError} a newer sandbox of the interface took the entry over
 */
export async function reserve(
  { driver }: Pick<Ipam, "driver">,
  overlaps: Reservations,
  wanted: Reservation,
  former: string | undefined,
  signal: AbortSignal,
): Promise<Reserved> {
  for (let round = 0; round < ROUNDS; round++) {
    const result = await overlaps.claim(wanted, signal);
    if (result.kind !== "own") return result;
    const { reservation: found } = result;
    const succeeds = found.containerId !== "" && found.containerId === former && found.ifName === wanted.ifName;
    if (!succeeds) {
      const pools = await driver.list(signal);
      const takeover = judgeTakeover(pools, found, wanted);
      if (takeover.kind === "superseded") throw superseded(wanted);
      if (takeover.kind === "foreign") return takeover;
    }
    const reservation = await overlaps.takeOver(found, wanted, signal);
    if (reservation) return { kind: "kept", reservation };
  }
  throw new ConflictError(`The reservation of ${formatIp(wanted.ip)} changed ${ROUNDS} times while it was claimed`);
}

function superseded({ ip, podRef, ifName, containerId }: Reservation): SupersededError {
  return new SupersededError(
    `Address ${
      formatIp(ip)
    } is no longer allocated to container ${containerId}: a newer sandbox of ${podRef} (${ifName}) ` +
      "took it over while this ADD was under way; retry if the container still exists",
  );
}
