/**
 * What the custom resources hold that no pool, reservation or slice shows. For the checker: never loaded on the plugin's way.
 *
 * @module
 */
import { parseCidr } from "../../src/address/cidr.ts";
import type { Unreadable } from "../../src/pool/finding.ts";
import { RefusedError } from "../../src/storage/driver.ts";
import type { ApiClient } from "./http.ts";
import { listAll } from "./list.ts";
import { poolKey, reservationKey } from "./name_keys.ts";
import { baseOf, decodeEntries, type IpPool, type NodeSlicePoolObject, type ReservationObject } from "./resources.ts";

/** Looks at every object of the namespace. */
export async function findUnreadable(api: ApiClient, signal: AbortSignal): Promise<Unreadable[]> {
  const pools = await listAll<IpPool>(api, "ippools", signal);
  const reservations = await listAll<ReservationObject>(api, "overlappingrangeipreservations", signal);
  const slices = await listAll<NodeSlicePoolObject>(api, "nodeslicepools", signal).catch((error) => {
    if (error instanceof RefusedError) return []; // older installations have no such resource
    throw error;
  });
  return [
    ...told(pools, "IPPool", poolFaults),
    ...told(
      reservations,
      "OverlappingRangeIPReservation",
      ({ metadata }) => reservationKey(metadata.name) ? [] : ["Its name is that of no address"],
    ),
    ...told(slices, "NodeSlicePool", sliceFaults),
  ];
}

function told<T extends { readonly metadata: { readonly name: string } }>(
  objects: readonly T[],
  kind: string,
  faultsOf: (object: T) => string[],
): Unreadable[] {
  return objects.flatMap((object) =>
    faultsOf(object).map((why) => ({ where: `${kind} ${object.metadata.name}`, why }))
  );
}

function poolFaults({ metadata: { name }, spec: { range = "", allocations = {} } = {} }: IpPool): string[] {
  const base = baseOf(range)?.base;
  if (!base || !poolKey(name, range)) {
    return [`Its spec.range ${JSON.stringify(range)} is no network, or not the one it is named after`];
  }
  // one by one, since an entry with an odd key stands back behind one with a usual key
  return Object.entries(allocations).filter(([key, entry]) =>
    decodeEntries({ [key]: entry }, base).allocations.size === 0
  )
    .map(([key]) => `Its entry ${JSON.stringify(key)} is no offset into ${range}`);
}

function sliceFaults({ spec: { range = "" } = {}, status }: NodeSlicePoolObject): string[] {
  const texts = [range, ...(status?.allocations ?? []).map(({ sliceRange = "" }) => sliceRange)];
  return texts.filter((text) => !parseCidr(text)).map((text) => `${JSON.stringify(text)} is no network`);
}
