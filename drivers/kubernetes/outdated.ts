/**
 * Undoing a write of which the schema in use dropped what a record means nothing without.
 *
 * @module
 */
import type { Change } from "../../src/pool/types.ts";
import { ConflictError } from "../../src/storage/driver.ts";
import type { ApiClient } from "./http.ts";
import type { PatchOperation } from "./patch.ts";
import { encodeEntry, type ReservationObject } from "./resources.ts";
import { askSchema, droppedFields, outdatedError, requiredFields } from "./schema.ts";

/**
 * Deletes a reservation that was just created, if the API server's warning says that it names nobody.
 *
 * @throws {RefusedError} it does
 */
export async function refuseReservation(
  api: ApiClient,
  verb: string,
  { metadata: { name, uid, resourceVersion } }: ReservationObject,
  warning: string,
  signal: AbortSignal,
): Promise<void> {
  const resource = "overlappingrangeipreservations";
  const lost = requiredFields(resource, droppedFields(warning));
  if (lost.length === 0) return;
  if (verb === "create") {
    const body = { apiVersion: "v1", kind: "DeleteOptions", preconditions: { uid, resourceVersion } };
    await orChanged(api.request({ verb: "delete", resource, name, body, metadataOnly: true }, signal));
  }
  throw outdatedError(resource, lost);
}

/**
 * Takes back the entries that a commit just wrote, if the API server's warning says that they are not whole. Releases of the same commit stay
 * done.
 *
 * @param pathOf where the entry of an address stands
 * @throws {RefusedError} they are not
 */
export async function refuseEntries(
  api: ApiClient,
  name: string,
  changes: readonly Change[],
  pathOf: (address: bigint) => string,
  warning: string,
  signal: AbortSignal,
): Promise<void> {
  const resource = "ippools";
  const lost = requiredFields(resource, droppedFields(warning));
  if (lost.length === 0) return;
  for (const { address, before, after } of changes) {
    if (!after) continue;
    const path = pathOf(address);
    const back: PatchOperation = before ? { op: "add", path, value: encodeEntry(before) } : { op: "remove", path };
    const body = [{ op: "test", path: `${path}/id`, value: after.containerId }, back];
    await orChanged(api.request({ verb: "patch", resource, name, body, metadataOnly: true }, signal));
  }
  throw outdatedError(resource, lost);
}

/**
 * Asks the schema in use before a write of many entries.
 *
 * @throws {RefusedError} it drops what an entry means nothing without
 */
export async function refuseSchema(api: ApiClient, signal: AbortSignal): Promise<void> {
  const lost = requiredFields("ippools", await askSchema(api, "ippools", signal));
  if (lost.length > 0) throw outdatedError("ippools", lost);
}

/** Somebody else wrote there meanwhile: nothing of ours is left to undo. */
async function orChanged(undone: Promise<unknown>): Promise<void> {
  try {
    await undone;
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
  }
}
