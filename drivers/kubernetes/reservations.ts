/**
 * OverlappingRangeIPReservations: made first and looked at only when somebody has it, deleted with preconditions.
 *
 * Beside the original's members they carry its own `containerid`, so that the late release of a pod's previous sandbox leaves the
 * reservation of the next one alone.
 *
 * @module
 */
import type { Ip } from "../../src/address/ip.ts";
import { type ClaimResult, ConflictError, type Reservation, type Reservations } from "../../src/storage/driver.ts";
import type { ApiClient, ApiRequest } from "./http.ts";
import { listAll } from "./list.ts";
import { reservationKey, reservationName } from "./names.ts";
import { API_VERSION, type Metadata, type ReservationObject } from "./resources.ts";

/** Looks at one reservation, at most, while others make and delete it. */
const ROUNDS = 10;

/** The reservations of one namespace. */
export function kubernetesReservations(api: ApiClient, namespace: string): Reservations {
  const collection = `/apis/${API_VERSION}/namespaces/${encodeURIComponent(namespace)}/overlappingrangeipreservations`;
  const target = ({ network, ip }: Pick<Reservation, "network" | "ip">) => {
    const name = reservationName(network, ip);
    return { name, path: `${collection}/${name}`, what: `OverlappingRangeIPReservation ${namespace}/${name}` };
  };
  const look = (request: Omit<ApiRequest, "method">, signal: AbortSignal) =>
    api.request<ReservationObject>({ method: "GET", path: request.path, what: request.what }, signal);
  const work = { api, namespace, collection, target, look };
  return {
    claim: (wanted, signal) => claim(work, wanted, signal),
    release: (owned, signal) => release(work, owned, signal),
    find: async (network, ip, signal) => {
      const object = await look(target({ network, ip }), signal);
      return object && toReservation(object, { network, ip });
    },
    list: async (network, signal) => {
      const what = `OverlappingRangeIPReservations of namespace ${namespace}`;
      const objects = await listAll<ReservationObject>(api, { path: collection, what }, signal);
      return objects.flatMap((object) => {
        const key = reservationKey(object.metadata.name, network);
        return key ? [toReservation(object, key)] : [];
      });
    },
  };
}

interface Work {
  readonly api: ApiClient;
  readonly namespace: string;
  readonly collection: string;
  readonly target: (reservation: Pick<Reservation, "network" | "ip">) => { name: string; path: string; what: string };
  readonly look: (request: Omit<ApiRequest, "method">, signal: AbortSignal) => Promise<ReservationObject | undefined>;
}

async function claim(work: Work, wanted: Reservation, signal: AbortSignal): Promise<ClaimResult> {
  const { what } = work.target(wanted);
  for (let round = 0; round < ROUNDS; round++) {
    const created = await create(work, wanted, signal);
    if (created) return { kind: "created", reservation: withToken(wanted, created.metadata) };
    const object = await work.look(work.target(wanted), signal);
    if (!object) continue;
    const { podRef, ifName, containerId } = toReservation(object, wanted);
    if (!isOwn({ podRef, ifName }, wanted)) return { kind: "foreign", holder: { podRef, ifName, containerId } };
    if (containerId === wanted.containerId) {
      return { kind: "kept", reservation: withToken(wanted, object.metadata) };
    }
    const taken = await takeOver(work, wanted, object.metadata, signal);
    if (taken) return { kind: "kept", reservation: withToken(wanted, taken.metadata) };
  }
  throw new ConflictError(`${what} changed ${ROUNDS} times while it was claimed`);
}

async function create({ api, namespace, collection, target }: Work, wanted: Reservation, signal: AbortSignal) {
  const { name, what } = target(wanted);
  const { podRef, ifName, containerId } = wanted;
  const body = {
    apiVersion: API_VERSION,
    kind: "OverlappingRangeIPReservation",
    metadata: { name, namespace },
    spec: { podref: podRef, ifname: ifName, containerid: containerId },
  };
  const path = `${collection}?fieldManager=whereabouts`;
  return await orConflict(api.request<ReservationObject>({ method: "POST", path, what, body }, signal));
}

/** Writes the new container id, so that a release of the old one, which knows the old version, fails. */
function takeOver({ api, target }: Work, wanted: Reservation, { resourceVersion }: Metadata, signal: AbortSignal) {
  const { path, what } = target(wanted);
  const body = [
    { op: "test", path: "/metadata/resourceVersion", value: resourceVersion },
    { op: "add", path: "/spec/ifname", value: wanted.ifName },
    { op: "add", path: "/spec/containerid", value: wanted.containerId },
  ];
  const contentType = "application/json-patch+json";
  return orConflict(api.request<ReservationObject>({ method: "PATCH", path, what, body, contentType }, signal));
}

async function release(work: Work, owned: Reservation, signal: AbortSignal): Promise<boolean> {
  const { what } = work.target(owned);
  let known = fromToken(owned.token);
  for (let round = 0; round < ROUNDS; round++) {
    if (!known) {
      const object = await work.look(work.target(owned), signal);
      if (!object || !mayRelease(toReservation(object, owned), owned)) return false;
      known = object.metadata;
    }
    const deleted = await remove(work, owned, known, signal);
    if (deleted !== "changed") return deleted === "deleted";
    known = undefined;
  }
  throw new ConflictError(`${what} changed ${ROUNDS} times while it was released`);
}

async function remove(
  { api, target }: Work,
  owned: Reservation,
  { uid, resourceVersion }: Pick<Metadata, "uid" | "resourceVersion">,
  signal: AbortSignal,
): Promise<"deleted" | "absent" | "changed"> {
  const { path, what } = target(owned);
  const body = { apiVersion: "v1", kind: "DeleteOptions", preconditions: { uid, resourceVersion } };
  try {
    const answer = await api.request({ method: "DELETE", path, what, body }, signal);
    return answer === undefined ? "absent" : "deleted";
  } catch (error) {
    if (error instanceof ConflictError) return "changed";
    throw error;
  }
}

async function orConflict<T>(request: Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (error instanceof ConflictError) return undefined;
    throw error;
  }
}

function isOwn(stored: Pick<Reservation, "podRef" | "ifName">, wanted: Reservation): boolean {
  return stored.podRef === wanted.podRef && (stored.ifName === wanted.ifName || stored.ifName === "");
}

function mayRelease(stored: Reservation, owned: Reservation): boolean {
  return isOwn(stored, owned) && (stored.containerId === owned.containerId || stored.containerId === "");
}

function toReservation(
  { metadata, spec = {} }: ReservationObject,
  { network, ip }: { network: string; ip: Ip },
): Reservation {
  const { podref = "", ifname = "", containerid = "" } = spec;
  return withToken({ network, ip, podRef: podref, ifName: ifname, containerId: containerid }, metadata);
}

function withToken(reservation: Reservation, { uid, resourceVersion }: Metadata): Reservation {
  return { ...reservation, token: `${uid}/${resourceVersion}` };
}

function fromToken(token = ""): Pick<Metadata, "uid" | "resourceVersion"> | undefined {
  const [uid, resourceVersion] = token.split("/");
  return uid && resourceVersion ? { uid, resourceVersion } : undefined;
}
