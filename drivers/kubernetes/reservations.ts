/**
 * OverlappingRangeIPReservations: made first and looked at only when somebody has it, deleted with preconditions.
 *
 * Beside the members that the original writes they carry `containerid`, which its schema has, so that the late release of a pod's
 * previous sandbox leaves the reservation of the next one alone. The token of a reservation is `uid/resourceVersion/name`.
 *
 * @module
 */
import { sameOwner } from "../../src/pool/types.ts";
import { ConflictError, type Reservation, type Reservations, type ReserveResult } from "../../src/storage/driver.ts";
import { replacingFacts } from "../../src/storage/facts.ts";
import type { ApiServer } from "./api_server.ts";
import type { ApiRequest } from "./request.ts";
import { annotate, annotationsOf, isNamed, reservationName } from "./names.ts";
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

/** Looks at one reservation, at most, while others make and delete it. */
const ROUNDS = 10;

/** The reservations of one namespace. */
export function kubernetesReservations(api: ApiServer): Reservations {
  return {
    reserve: (wanted, signal) => reserve(api, wanted, signal),
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
    release: (owned, signal) => release(api, owned, signal),
    find: async (network, ip, signal) => {
      const object = await look(api, reservationName(network, ip), signal);
      return object && isNamed(object.metadata, network) ? toReservation(object, { network, ip }) : undefined;
    },
    list: (network, signal) => listReservations(api, network, signal),
  };
}

async function reserve(api: ApiServer, wanted: Reservation, signal: AbortSignal): Promise<ReserveResult> {
  const name = reservationName(wanted.network, wanted.ip);
  for (let round = 0; round < ROUNDS; round++) {
    const created = await create(api, name, wanted, signal);
    if (created) return { kind: "created", reservation: withToken(wanted, created.metadata) };
    const object = await look(api, name, signal);
    if (!object) continue;
    const stored = toReservation(object, wanted);
    const { podRef, ifName, containerId } = stored;
    if (!isNamed(object.metadata, wanted.network) || !isOwn(stored, wanted)) {
      return { kind: "foreign", holder: { podRef, ifName, containerId } };
    }
    return sameOwner(stored, wanted) ? { kind: "kept", reservation: stored } : { kind: "own", reservation: stored };
  }
  throw new ConflictError(`${api.what({ resource, name })} changed ${ROUNDS} times while it was claimed`);
}

/** The object of a name, if there is one. */
function look(api: ApiServer, name: string, signal: AbortSignal): Promise<ReservationObject | undefined> {
  return api.request<ReservationObject>({ verb: "get", resource, name }, signal);
}

/** @returns undefined where there is one already */
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
 * Writes the new container id (and what old records lack), so that a release of the old one, which knows the old version, fails.
 *
 * @returns undefined where it changed or went meanwhile
 */
function takeOver(api: ApiServer, wanted: Reservation, object: ReservationObject, signal: AbortSignal) {
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

/** Deletes it if it is the owner's, of its sandbox or of none recorded, and did not change meanwhile. Returns whether it was deleted. */
async function release(api: ApiServer, owned: Reservation, signal: AbortSignal): Promise<boolean> {
  if (owned.doubtful) return false;
  let known = fromToken(owned.token);
  const name = known?.name ?? reservationName(owned.network, owned.ip);
  for (let round = 0; round < ROUNDS; round++) {
    if (!known) {
      const object = await look(api, name, signal);
      if (!object || !isNamed(object.metadata, owned.network)) return false;
      if (!mayRelease(toReservation(object, owned), owned)) return false;
      known = object.metadata;
    }
    const result = await remove(api, name, known, signal);
    if (result !== "changed") return result === "deleted";
    known = undefined;
  }
  throw new ConflictError(`${api.what({ resource, name })} changed ${ROUNDS} times while it was released`);
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
  return isOwn(stored, owned) && (stored.containerId === owned.containerId || stored.containerId === "");
}

function fromToken(token = ""): Version | undefined {
  const [uid, resourceVersion, name] = token.split("/");
  return uid && resourceVersion ? { uid, resourceVersion, ...(name && { name }) } : undefined;
}

/** What a token holds. Those of earlier releases have no name. */
type Version = Pick<Metadata, "uid" | "resourceVersion"> & Partial<Pick<Metadata, "name">>;

/** Whether a stored reservation is the wanted one's: of its pod, and of its interface or none. */
function isOwn(stored: Pick<Reservation, "podRef" | "ifName">, wanted: Reservation): boolean {
  return stored.podRef === wanted.podRef && (stored.ifName === wanted.ifName || stored.ifName === "");
}
