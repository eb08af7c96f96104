/**
 * OverlappingRangeIPReservations. Reserving creates the object, and reads it only if it already exists; a release deletes it with
 * preconditions.
 *
 * In addition to the members of the original they have `containerid`, which its schema allows, so that a delayed release of a pod's previous
 * sandbox keeps the reservation of the next one. The token of a reservation is `uid/resourceVersion/name`.
 *
 * @module
 */
import { ownsReservation, sameRecord } from "../../src/pool/types.ts";
import { ConflictError, type Reservation, type Reservations, type ReserveResult } from "../../src/storage/driver.ts";
import { replacingFacts } from "../../src/storage/facts.ts";
import type { ApiServer } from "./api_server.ts";
import type { ApiRequest } from "./request.ts";
import { annotate, annotationsOf, mayBelongTo, reservationKeys, reservationName } from "./names.ts";
import { refuseReservation } from "./schema.ts";
import { memberOperations } from "./patch.ts";
import { listReservations } from "./resolve.ts";
import {
  API_VERSION,
  type Metadata,
  type ReservationObject,
  reservationSpec,
  toReservation,
  withToken,
} from "./resources.ts";

const resource = "overlappingrangeipreservations";
const WRITER = { fieldManager: "whereabouts", fieldValidation: "Warn" };

/** Max attempts at one reservation while other processes create and delete it: a process does both once per call. */
const MAX_ATTEMPTS = 10;

/** The reservations of one namespace. */
export function kubernetesReservations(api: ApiServer): Reservations {
  return {
    reserve: (wanted, signal) => reserve(api, wanted, signal),
    takeOver: async (found, wanted, signal) => {
      const object = await get(api, reservationName(wanted.network, wanted.ip), signal);
      if (!object || toReservation(object, wanted).token !== found.token) return undefined;
      const written = await takeOver(api, wanted, object, signal);
      return written && withToken(wanted, written.metadata);
    },
    create: async (wanted, signal) => {
      const object = await create(api, reservationName(wanted.network, wanted.ip), wanted, signal);
      return object && withToken(wanted, object.metadata);
    },
    release: (owned, signal) => release(api, owned, signal),
    find: async (network, ip, signal) => {
      const object = await get(api, reservationName(network, ip), signal);
      return object && mayBelongTo(object.metadata, network) ? toReservation(object, { network, ip }) : undefined;
    },
    list: (network, signal, onPart, onUnreadable) => listReservations(api, network, signal, onPart, onUnreadable),
    listAddresses: async (network, signal) => {
      const names = await api.names({ resource }, signal);
      return names.flatMap((name) => reservationKeys({ name }).find((key) => key.network === network)?.ip ?? []);
    },
  };
}

async function reserve(api: ApiServer, wanted: Reservation, signal: AbortSignal): Promise<ReserveResult> {
  const name = reservationName(wanted.network, wanted.ip);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const created = await create(api, name, wanted, signal);
    if (created) return { kind: "created", reservation: withToken(wanted, created.metadata) };
    const object = await get(api, name, signal);
    if (!object) continue;
    const stored = toReservation(object, wanted);
    const { podRef, ifName, containerId } = stored;
    if (!mayBelongTo(object.metadata, wanted.network) || !ownsReservation(wanted, stored)) {
      return { kind: "foreign", holder: { podRef, ifName, containerId } };
    }
    return sameRecord(stored, wanted) ? { kind: "kept", reservation: stored } : { kind: "own", reservation: stored };
  }
  throw new ConflictError(`${api.what({ resource, name })} changed ${MAX_ATTEMPTS} times while it was being reserved`);
}

/** Reads the object of a name; undefined if it is missing. */
function get(api: ApiServer, name: string, signal: AbortSignal): Promise<ReservationObject | undefined> {
  return api.request<ReservationObject>({ verb: "get", resource, name }, signal);
}

/** @returns undefined if it already exists */
function create(api: ApiServer, name: string, wanted: Reservation, signal: AbortSignal) {
  const body = {
    apiVersion: API_VERSION,
    kind: "OverlappingRangeIPReservation",
    metadata: { name, annotations: annotationsOf(wanted) },
    spec: reservationSpec(wanted),
  };
  return write(api, { verb: "create", resource, name, query: WRITER, body, metadataOnly: true }, signal);
}

/**
 * Writes the new container id (and members that old records lack), so that a release of the old one, which knows the old version, fails.
 *
 * @returns undefined if it changed or was deleted since
 */
function takeOver(api: ApiServer, wanted: Reservation, object: ReservationObject, signal: AbortSignal) {
  const { podRef, ifName, containerId } = wanted;
  const { name, resourceVersion } = object.metadata;
  const body = [
    { op: "test", path: "/metadata/resourceVersion", value: resourceVersion },
    ...(podRef === object.spec?.podref ? [] : [{ op: "add", path: "/spec/podref", value: podRef }]),
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
 * @returns undefined on a conflict
 * @throws {RefusedError} the schema in use dropped a required member; a created reservation is deleted again
 */
async function write(
  api: ApiServer,
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

/** Deletes a reservation of the owner's sandbox, or of none recorded, unless it changes concurrently. Returns whether it was deleted. */
async function release(api: ApiServer, owned: Reservation, signal: AbortSignal): Promise<boolean> {
  if (owned.doubtful) return false;
  let known = fromToken(owned.token);
  const name = known?.name ?? reservationName(owned.network, owned.ip);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    if (!known) {
      const object = await get(api, name, signal);
      if (!object || !mayBelongTo(object.metadata, owned.network)) return false;
      const stored = toReservation(object, owned);
      // one that changed since and names no container was created by the original, for whichever sandbox
      if (!mayRelease(stored, owned) || (attempt > 0 && stored.containerId === "")) return false;
      known = object.metadata;
    }
    const result = await remove(api, name, known, signal);
    if (result !== "changed") return result === "deleted";
    known = undefined;
  }
  throw new ConflictError(`${api.what({ resource, name })} changed ${MAX_ATTEMPTS} times while it was released`);
}

async function remove(
  api: ApiServer,
  name: string,
  { uid, resourceVersion }: Version,
  signal: AbortSignal,
): Promise<"deleted" | "absent" | "changed"> {
  const body = { apiVersion: "v1", kind: "DeleteOptions", preconditions: { uid, resourceVersion } };
  try {
    const answer = await api.request({ verb: "delete", resource, name, body, metadataOnly: true }, signal);
    return answer === undefined ? "absent" : "deleted";
  } catch (error) {
    if (error instanceof ConflictError) return "changed";
    throw error;
  }
}

function mayRelease(stored: Reservation, owned: Reservation): boolean {
  return ownsReservation(owned, stored) && (stored.containerId === owned.containerId || stored.containerId === "");
}

function fromToken(token = ""): Version | undefined {
  const [uid, resourceVersion, name] = token.split("/");
  return uid && resourceVersion ? { uid, resourceVersion, ...(name && { name }) } : undefined;
}

/** The content of a token. Tokens of earlier releases have no name. */
type Version = Pick<Metadata, "uid" | "resourceVersion"> & Partial<Pick<Metadata, "name">>;
