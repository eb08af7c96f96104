/**
 * Closing, opening and deleting IPPools: the controller's part in moving a slice between nodes.
 *
 * `spec.closed` and `spec.opened` are epochs (`src/pool/fence.ts`). The schema lets both only grow, and a closed pool only shrink, for every
 * writer: plugins of the original leave unknown members unchanged.
 *
 * @module
 */
import { formatCidr } from "../../src/address/cidr.ts";
import type { Fence } from "../../src/pool/fence.ts";
import { ConflictError, type PoolSnapshot, RefusedError } from "../../src/storage/driver.ts";
import type { ApiServer } from "./api_server.ts";
import { annotate, annotationPath, annotationsOf, poolName } from "./names.ts";
import type { Stored } from "./patch.ts";
import {
  API_VERSION,
  CLEAR_MANAGED_FIELDS,
  GROUP,
  type IpPool,
  type Metadata,
  type PatchOperation,
} from "./resources.ts";

const resource = "ippools";
const WRITER = { fieldManager: "whereabouts-controller" };
/** Holds {@linkcode Fence.reason}. */
const REASON = `${GROUP}/closed-because`;

/** The fence of an object; undefined if it was never closed. */
export function fenceOf({ metadata: { annotations = {} }, spec = {} }: IpPool): Fence | undefined {
  const { closed, opened = 0 } = spec;
  const { [REASON]: reason } = annotations;
  return closed === undefined ? undefined : { closed, opened, ...(reason && { reason }) };
}

/**
 * Closes the pool of a snapshot.
 *
 * @throws {ConflictError} it changed, or was created or deleted
 * @throws {RefusedError} the schema in use drops `spec.closed`
 */
export async function closePool(
  api: ApiServer,
  { key, version }: PoolSnapshot,
  { closed, reason }: Omit<Fence, "opened">,
  signal: AbortSignal,
): Promise<IpPool> {
  const name = poolName(key);
  const because = reason === undefined ? {} : { [REASON]: reason };
  const stored = storedMetadata(version);
  const object = stored
    ? await patchPool(api, stored, [
      ...(key.otherReadings ? [] : annotate(stored, key)),
      { op: "add", path: "/spec/closed", value: closed },
      ...Object.entries(because).map(([annotation, value]): PatchOperation => ({
        op: "add",
        path: annotationPath(annotation),
        value,
      })),
    ], signal)
    : await api.request<IpPool>({
      verb: "create",
      resource,
      name,
      query: WRITER,
      body: {
        apiVersion: API_VERSION,
        kind: "IPPool",
        metadata: { name, annotations: { ...annotationsOf(key), ...because } },
        spec: { range: formatCidr(key.cidr), allocations: {}, closed },
      },
    }, signal);
  if (!object) throw new ConflictError(`${api.what({ resource, name })} was deleted meanwhile`);
  if (object.spec?.closed === closed) return object;
  throw new RefusedError(
    `Cannot close ${
      api.what({ resource, name })
    }: the IPPools CRD is outdated, it drops spec.closed; apply install/manifests/crds. ` +
      "Until then slices that nodes leave are assigned to no other node",
  );
}

/** Opens the pool of a snapshot in an epoch. @throws {ConflictError} it changed */
export async function openPool(
  api: ApiServer,
  { version }: PoolSnapshot,
  epoch: number,
  signal: AbortSignal,
): Promise<void> {
  const stored = storedMetadata(version);
  if (stored) await patchPool(api, stored, [{ op: "add", path: "/spec/opened", value: epoch }], signal);
}

/** Deletes the pool of a snapshot. @throws {ConflictError} it changed */
export async function removePool(api: ApiServer, { version }: PoolSnapshot, signal: AbortSignal): Promise<void> {
  const stored = storedMetadata(version);
  if (!stored) return;
  const { name, uid, resourceVersion } = stored;
  const preconditions = { uid, resourceVersion };
  const body = { apiVersion: "v1", kind: "DeleteOptions", preconditions };
  await api.request({ verb: "delete", resource, name, body, metadataOnly: true }, signal);
}

/** The metadata of a snapshot's object; undefined if the object did not exist. */
export function storedMetadata(version: unknown): Metadata | undefined {
  const { kind, metadata } = version as { readonly kind: string } & Partial<Stored>;
  return kind === "stored" ? metadata : undefined;
}

/** Patches the object at the version that was read. @throws {ConflictError} it changed, or was deleted */
export async function patchPool(
  api: ApiServer,
  { name, resourceVersion, managedFields }: Metadata,
  operations: readonly PatchOperation[],
  signal: AbortSignal,
): Promise<IpPool> {
  const body = [
    { op: "test", path: "/metadata/resourceVersion", value: resourceVersion },
    ...operations,
    ...(managedFields?.length ? [CLEAR_MANAGED_FIELDS] : []),
  ];
  const object = await api.request<IpPool>({ verb: "patch", resource, name, query: WRITER, body }, signal);
  if (!object) throw new ConflictError(`${api.what({ resource, name })} was deleted meanwhile`);
  return object;
}
