/**
 * Deleting a reservation. Loaded by calls that release.
 *
 * @module
 */
import { ConflictError, type Reservation } from "../../src/storage/driver.ts";
import type { ApiClient } from "./http.ts";
import { reservationName } from "./names.ts";
import { isNamed, isOwn, resource, toReservation, type Version } from "./reservation_object.ts";
import { look, ROUNDS } from "./reservations.ts";

/** Deletes it if it is the owner's, of its sandbox or of none recorded, and did not change meanwhile. Returns whether it was deleted. */
export async function release(api: ApiClient, owned: Reservation, signal: AbortSignal): Promise<boolean> {
  if (owned.doubtful) return false;
  let known = fromToken(owned.token);
  const name = known?.name ?? reservationName(owned.network, owned.ip);
  for (let round = 0; round < ROUNDS; round++) {
    if (!known) {
      const object = await look(api, name, signal);
      if (!object || !isNamed(object, owned.network)) return false;
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
  api: ApiClient,
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
