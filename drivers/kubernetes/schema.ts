/**
 * Detects schemas that drop what we write. The API server removes members that a CRD does not define, and Helm never updates CRDs. The API
 * server reports this in `Warning` headers of the answer (fieldValidation=Warn), so that a write detects it without another request, and
 * undoes itself.
 *
 * @module
 */
import type { Change } from "../../src/pool/types.ts";
import { ConflictError, RefusedError } from "../../src/storage/driver.ts";
import type { ApiServer } from "./api_server.ts";
import { annotationsOf } from "./names.ts";
import { reuseMember } from "./reuse.ts";
import {
  API_VERSION,
  encodeEntry,
  GROUP,
  type PatchOperation,
  type ReservationObject,
  reservationSpec,
  type Resource,
  RESOURCES,
} from "./resources.ts";

/** Resources whose writes are checked. */
export type Checked = Exclude<Resource, "nodeslicepools">;
/** All checked resources. */
export const CHECKED = ["ippools", "overlappingrangeipreservations"] as const;
/** Query of a request that creates nothing, and whose answer reports what a creation would drop. */
const DRY_RUN = { dryRun: "All", fieldValidation: "Warn" } as const;

/** The required fields of a record. If other fields are dropped, the plugin keeps working. */
const REQUIRED: Readonly<Record<Checked, RegExp>> = {
  ippools: /^spec\.(range|allocations(\.\*\.(id|podref|ifname))?)$/,
  overlappingrangeipreservations: /^spec(\.(podref|ifname))?$/,
};

/**
 * Max entries of one write whose warnings fit into an answer: each may cause five, and Deno's client accepts 100 headers. Before a larger
 * write, the schema is probed.
 */
export const MAX_WARNED = 16;

/** The fields that only networks with `reuse_after`, or with `order` `rotate`, require. */
const OF_REUSE = /^spec\.reuse(\.|$)/;

/** The fields of a kept record. Without them it would be freed with its pod. */
const OF_KEPT: Readonly<Record<Checked, RegExp>> = {
  ippools: /^spec\.allocations\.\*\.(keeper|former)$/,
  overlappingrangeipreservations: /^spec\.keeper$/,
};

/** The fields that the API server dropped, from its warnings: `spec.allocations.*.ifname`. */
export function droppedFields(warning: string): string[] {
  const fields = Array.from(warning.matchAll(/unknown field \\?"([^"\\]+)\\?"/g), ([, field = ""]) => field);
  return [
    ...new Set(fields.map((field) =>
      field.replace(/^(spec\.allocations)\.[^.]+/, "$1.*")
        .replace(/^(spec\.reuse\.released)\.[^.]+/, "$1.*")
    )),
  ];
}

/** What a write has besides the members of every record. */
interface Written {
  /** Records that have a keeper. */
  readonly kept?: boolean;
  /** `spec.reuse` of a pool. */
  readonly reuse?: boolean;
}

/**
 * The required fields among the dropped ones.
 *
 * @param written default: everything, since a warning names only fields that were written
 */
export function requiredFields(
  resource: Checked,
  dropped: readonly string[],
  { kept = false, reuse = false }: Written = { kept: true, reuse: true },
): string[] {
  return dropped.filter((field) =>
    REQUIRED[resource].test(field) || (kept && OF_KEPT[resource].test(field)) || (reuse && OF_REUSE.test(field))
  );
}

/** The fault of a CRD and its remedy. */
export function outdatedWhy(dropped: readonly string[]): string {
  return `It is outdated, it drops ${
    dropped.join(", ")
  }: kubectl apply -f install/manifests/crds (Helm does not update CRDs)`;
}

/** The error for a write whose required fields were dropped. */
export function outdatedError(resource: Checked, dropped: readonly string[]): RefusedError {
  return new RefusedError(
    `Cannot record an allocation: the CRD ${resource}.${GROUP} is outdated, it drops ${dropped.join(", ")}: ` +
      "kubectl apply -f install/manifests/crds (Helm does not update CRDs)",
  );
}

const OWNER = {
  podRef: "default/probe",
  ifName: "net1",
  containerId: "probe",
  node: "probe",
  uid: "probe",
  keeper: { kind: "IPAMClaim", name: "probe", uid: "probe" },
} as const;
const PROBE = { ...OWNER, address: 0n, former: { podRef: "default/former", containerId: "former" } };

/** An object with every member that we write. */
export function probeObject(resource: Checked): { readonly metadata: { readonly name: string } } {
  const metadata = { name: `probe-${crypto.randomUUID()}`, annotations: annotationsOf({ network: "" }) };
  const spec = resource === "ippools"
    ? {
      range: "192.0.2.0/24",
      allocations: { "1": encodeEntry(PROBE) },
      closed: 0,
      opened: 1,
      ...reuseMember({ after: 1_000, last: 1n, rests: new Map([[2n, { ...OWNER, since: 0 }]]) }, 0n),
    }
    : reservationSpec(OWNER);
  return { apiVersion: API_VERSION, kind: RESOURCES[resource].kind, metadata, spec } as { metadata: typeof metadata };
}

/** The fields that the schema in use drops. Creates nothing: a dry run (`dryRun=All`). */
export async function probeSchema(api: ApiServer, resource: Checked, signal: AbortSignal): Promise<string[]> {
  const body = probeObject(resource);
  let warning = "";
  const onWarning = (text: string) => warning = text;
  await api.request({
    verb: "create",
    resource,
    name: body.metadata.name,
    query: DRY_RUN,
    body,
    metadataOnly: true,
    onWarning,
  }, signal);
  return droppedFields(warning);
}

/**
 * Deletes a reservation that was just created, if the API server's warning shows that required fields were dropped.
 *
 * @throws {RefusedError} they were
 */
export async function refuseReservation(
  api: ApiServer,
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
    await ignoreConflict(api.request({ verb: "delete", resource, name, body, metadataOnly: true }, signal));
  }
  throw outdatedError(resource, lost);
}

/**
 * Undoes the entries that a commit just wrote, if the API server's warning shows that required fields were dropped. Releases of the same
 * commit are not undone.
 *
 * @param pathOf the path of an address's entry
 * @throws {RefusedError} required fields were dropped
 */
export async function refuseEntries(
  api: ApiServer,
  name: string,
  changes: readonly Change[],
  pathOf: (address: bigint) => string,
  warning: string,
  signal: AbortSignal,
): Promise<void> {
  const resource = "ippools";
  // a release that starts no rest is better than an address that stays allocated
  const allocates = changes.some(({ after }) => after);
  const lost = requiredFields(resource, droppedFields(warning), { kept: true, reuse: allocates });
  if (lost.length === 0) return;
  for (const { address, before, after } of changes) {
    if (!after) continue;
    const path = pathOf(address);
    const undo: PatchOperation = before ? { op: "add", path, value: encodeEntry(before) } : { op: "remove", path };
    const body = [{ op: "test", path: `${path}/id`, value: after.containerId }, undo];
    await ignoreConflict(api.request({ verb: "patch", resource, name, body, metadataOnly: true }, signal));
  }
  throw outdatedError(resource, lost);
}

/**
 * Probes a schema in use: before a write of many entries, and for STATUS.
 *
 * @throws {RefusedError} it drops required fields
 */
export async function refuseSchema(
  api: ApiServer,
  resource: Checked,
  signal: AbortSignal,
  written: Written,
): Promise<void> {
  const lost = requiredFields(resource, await probeSchema(api, resource, signal), written);
  if (lost.length > 0) throw outdatedError(resource, lost);
}

/** Ignores a conflict: another process has written there since, so nothing of ours is left to undo. */
async function ignoreConflict(undone: Promise<unknown>): Promise<void> {
  try {
    await undone;
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
  }
}
