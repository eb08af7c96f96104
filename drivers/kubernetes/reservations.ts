/**
 * OverlappingRangeIPReservations: made first and looked at only when somebody has it, deleted with preconditions.
 *
 * Beside the members that the original writes they carry `containerid`, which its schema has, so that the late release of a pod's
 * previous sandbox leaves the reservation of the next one alone. The token of a reservation is `uid/resourceVersion/name`.
 *
 * @module
 */
import type { Ip } from "../../src/address/ip.ts";
import { sameOwner } from "../../src/pool/types.ts";
import { type ClaimResult, ConflictError, type Reservation, type Reservations } from "../../src/storage/driver.ts";
import { decodeFacts, encodeFacts, replacingFacts } from "../../src/storage/facts.ts";
import { annotate, annotationsOf, readAnnotations } from "./annotations.ts";
import type { ApiClient, ApiRequest } from "./http.ts";
import { reservationName } from "./names.ts";
import { memberOperations } from "./patch.ts";
import { API_VERSION, type Metadata, type ReservationObject } from "./resources.ts";

/** Their resource. */
export const resource = "overlappingrangeipreservations";
const WRITER = { fieldManager: "whereabouts" };

/** Looks at one reservation, at most, while others make and delete it. */
export const ROUNDS = 10;

/** The reservations of one namespace. */
export function kubernetesReservations(api: ApiClient): Reservations {
  return {
    claim: (wanted, signal) => claim(api, wanted, signal),
    takeOver: async (found, wanted, signal) => {
      const object = await look(api, reservationName(wanted.network, wanted.ip), signal);
      if (!object || toReservation(object, wanted).token !== found.token) return undefined;
      const written = await takeOver(api, wanted, object, signal);
      return written && withToken(wanted, written.metadata);
    },
    create: async (wanted, signal) => {
      const object = await create(api, reservationName(wanted.network, wanted.ip), wanted, signal);
      return object && withToken(wanted, object.metadata);
    },
    release: async (owned, signal) => (await import("./release_reservation.ts")).release(api, owned, signal),
    find: async (network, ip, signal) => {
      const object = await look(api, reservationName(network, ip), signal);
      return object && isNamed(object, network) ? toReservation(object, { network, ip }) : undefined;
    },
    list: async (network, signal) => (await import("./resolve.ts")).listReservations(api, network, signal),
  };
}

async function claim(api: ApiClient, wanted: Reservation, signal: AbortSignal): Promise<ClaimResult> {
  const name = reservationName(wanted.network, wanted.ip);
  for (let round = 0; round < ROUNDS; round++) {
    const created = await create(api, name, wanted, signal);
    if (created) return { kind: "created", reservation: withToken(wanted, created.metadata) };
    const object = await look(api, name, signal);
    if (!object) continue;
    const stored = toReservation(object, wanted);
    const { podRef, ifName, containerId } = stored;
    if (!isNamed(object, wanted.network) || !isOwn(stored, wanted)) {
      return { kind: "foreign", holder: { podRef, ifName, containerId } };
    }
    return sameOwner(stored, wanted) ? { kind: "kept", reservation: stored } : { kind: "own", reservation: stored };
  }
  throw new ConflictError(`${api.what({ resource, name })} changed ${ROUNDS} times while it was claimed`);
}

/** The object of a name, if there is one. */
export function look(api: ApiClient, name: string, signal: AbortSignal): Promise<ReservationObject | undefined> {
  return api.request<ReservationObject>({ verb: "get", resource, name }, signal);
}

/** @returns undefined where there is one already */
function create(api: ApiClient, name: string, wanted: Reservation, signal: AbortSignal) {
  const { podRef, ifName, containerId } = wanted;
  const body = {
    apiVersion: API_VERSION,
    kind: "OverlappingRangeIPReservation",
    metadata: { name, annotations: annotationsOf(wanted) },
    spec: {
      podref: podRef,
      ...(ifName !== "" && { ifname: ifName }),
      ...(containerId !== "" && { containerid: containerId }),
      ...encodeFacts(wanted),
    },
  };
  return orConflict(api, { verb: "create", resource, name, query: WRITER, body, metadataOnly: true }, signal);
}

/**
 * Writes the new container id (and what old records lack), so that a release of the old one, which knows the old version, fails.
 *
 * @returns undefined where it changed or went meanwhile
 */
function takeOver(api: ApiClient, wanted: Reservation, object: ReservationObject, signal: AbortSignal) {
  const { ifName, containerId } = wanted;
  const { name, resourceVersion } = object.metadata;
  const body = [
    { op: "test", path: "/metadata/resourceVersion", value: resourceVersion },
    ...(ifName === "" ? [] : [{ op: "add", path: "/spec/ifname", value: ifName }]),
    { op: "add", path: "/spec/containerid", value: containerId },
    ...memberOperations("/spec", replacingFacts(toReservation(object, wanted), wanted)),
    ...annotate(object.metadata, wanted),
  ];
  return orConflict(api, { verb: "patch", resource, name, query: WRITER, body, metadataOnly: true }, signal);
}

async function orConflict(
  api: ApiClient,
  request: ApiRequest,
  signal: AbortSignal,
): Promise<ReservationObject | undefined> {
  try {
    return await api.request<ReservationObject>(request, signal);
  } catch (error) {
    if (error instanceof ConflictError) return undefined;
    throw error;
  }
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

function withToken(reservation: Reservation, { uid, resourceVersion, name }: Metadata): Reservation {
  return { ...reservation, token: `${uid}/${resourceVersion}/${name}` };
}
