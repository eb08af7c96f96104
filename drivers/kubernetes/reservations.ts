/**
 * OverlappingRangeIPReservations: made first and looked at only when somebody has it, deleted with preconditions.
 *
 * Beside the members that the original writes they carry `containerid`, which its schema has, so that the late release of a pod's
 * previous sandbox leaves the reservation of the next one alone. The token of a reservation is `uid/resourceVersion/name`.
 *
 * @module
 */
import { sameOwner } from "../../src/pool/types.ts";
import { type ClaimResult, ConflictError, type Reservation, type Reservations } from "../../src/storage/driver.ts";
import { replacingFacts } from "../../src/storage/facts.ts";
import { annotate, annotationsOf } from "./annotations.ts";
import type { ApiClient, ApiRequest } from "./http.ts";
import { reservationName } from "./names.ts";
import { refuseReservation } from "./outdated.ts";
import { memberOperations } from "./patch.ts";
import { isNamed, isOwn, reservationSpec, resource, toReservation, withToken } from "./reservation_object.ts";
import { API_VERSION, type ReservationObject } from "./resources.ts";

const WRITER = { fieldManager: "whereabouts", fieldValidation: "Warn" };

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
  const body = {
    apiVersion: API_VERSION,
    kind: "OverlappingRangeIPReservation",
    metadata: { name, annotations: annotationsOf(wanted) },
    spec: reservationSpec(wanted),
  };
  return write(api, { verb: "create", resource, name, query: WRITER, body, metadataOnly: true }, signal);
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
  return write(api, { verb: "patch", resource, name, query: WRITER, body, metadataOnly: true }, signal);
}

/**
 * Sends a write.
 *
 * @returns undefined where it conflicts
 * @throws {RefusedError} the schema in use dropped what makes a reservation; one that was created is deleted again
 */
async function write(
  api: ApiClient,
  request: ApiRequest & { readonly resource: typeof resource; readonly name: string },
  signal: AbortSignal,
): Promise<ReservationObject | undefined> {
  let warning = "";
  const onWarning = (text: string) => warning = text;
  try {
    const object = await api.request<ReservationObject>({ ...request, onWarning }, signal);
    if (object && warning) await refuseReservation(api, request.verb, object, warning, signal);
    return object;
  } catch (error) {
    if (error instanceof ConflictError) return undefined;
    throw error;
  }
}
