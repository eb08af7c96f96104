/**
 * A reservation as its object has it.
 *
 * @module
 */
import type { Ip } from "../../src/address/ip.ts";
import type { Owner } from "../../src/pool/types.ts";
import type { Reservation } from "../../src/storage/driver.ts";
import { decodeFacts, encodeFacts } from "../../src/storage/facts.ts";
import { readAnnotations } from "./annotations.ts";
import type { Metadata, ReservationObject } from "./resources.ts";

/** Their resource. */
export const resource = "overlappingrangeipreservations" as const;

/** The `spec` of an owner's reservation. */
export function reservationSpec(owner: Owner): NonNullable<ReservationObject["spec"]> {
  const { podRef, ifName, containerId } = owner;
  return {
    podref: podRef,
    ...(ifName !== "" && { ifname: ifName }),
    ...(containerId !== "" && { containerid: containerId }),
    ...encodeFacts(owner),
  };
}

/** What an object says, with its token. */
export function toReservation(
  { metadata, spec = {} }: ReservationObject,
  { network, ip }: { readonly network: string; readonly ip: Ip },
): Reservation {
  const { podref = "", ifname = "", containerid = "" } = spec;
  const owner = { podRef: podref, ifName: ifname, containerId: containerid, ...decodeFacts(containerid, spec) };
  return withToken({ network, ip, ...owner }, metadata);
}

/** What a token holds. Those of earlier releases have no name. */
export type Version = Pick<Metadata, "uid" | "resourceVersion"> & Partial<Pick<Metadata, "name">>;

/** A reservation with the token of its object. */
export function withToken(reservation: Reservation, { uid, resourceVersion, name }: Metadata): Reservation {
  return { ...reservation, token: `${uid}/${resourceVersion}/${name}` };
}

/** Whether an object that has the name of the network's reservation is not, by its annotations, that of another network with such a name. */
export function isNamed({ metadata }: ReservationObject, network: string): boolean {
  const domain = readAnnotations(metadata);
  return domain === undefined || domain.network === network;
}

/** Whether a stored reservation is the wanted one's: of its pod, and of its interface or none. */
export function isOwn(stored: Pick<Reservation, "podRef" | "ifName">, wanted: Reservation): boolean {
  return stored.podRef === wanted.podRef && (stored.ifName === wanted.ifName || stored.ifName === "");
}
