/**
 * Records in custom resources that no pool, reservation or slice shows, for the checker.
 *
 * @module
 */
import { parseCidr } from "../../src/address/cidr.ts";
import { formatIp } from "../../src/address/ip.ts";
import type { Unreadable } from "../../src/pool/finding.ts";
import type { PoolKey } from "../../src/pool/types.ts";
import { RefusedError } from "../../src/storage/driver.ts";
import type { ApiServer } from "./api_server.ts";
import { isDoubtful, type KnownSlice, type ResolvedReservation } from "./known.ts";
import { addressOf, baseOf, GROUP, type IpPool, type NodeSlicePoolObject } from "./resources.ts";
import { CHECKED, outdatedWhy, probeSchema } from "./schema.ts";

/** Checks what no list of pools or reservations reads: NodeSlicePools, and the schemas. */
export async function findUnreadable(api: ApiServer, signal: AbortSignal): Promise<Unreadable[]> {
  const slicePools = await api.list<NodeSlicePoolObject>({ resource: "nodeslicepools" }, signal).catch((error) => {
    if (error instanceof RefusedError) return []; // older installations have no such resource
    throw error;
  });
  const slices = slicePools.flatMap((object) => faultsOf("NodeSlicePool", object, sliceFaults(object)));
  return [...slices, ...await outdatedSchemas(api, signal)];
}

/** The CRDs that drop what we write. Empty if the account may not create objects: then the schemas cannot be probed. */
async function outdatedSchemas(api: ApiServer, signal: AbortSignal): Promise<Unreadable[]> {
  const found: Unreadable[] = [];
  for (const resource of CHECKED) {
    const dropped = await probeSchema(api, resource, signal).catch((error) => {
      if (error instanceof RefusedError) return [];
      throw error;
    });
    if (dropped.length === 0) continue;
    found.push({ where: `CustomResourceDefinition ${resource}.${GROUP}`, why: outdatedWhy(dropped) });
  }
  return found;
}

function faultsOf(
  kind: string,
  { metadata: { name } }: Pick<IpPool, "metadata">,
  faults: readonly string[],
): Unreadable[] {
  return faults.map((why) => ({ where: `${kind} ${name}`, why }));
}

/** What cannot be read of a listed pool. `slices`: those that were read to choose its key. */
export function unreadableInPool(
  object: IpPool,
  key: PoolKey | undefined,
  slices: readonly KnownSlice[],
): Unreadable[] {
  return faultsOf("IPPool", object, poolFaults(object, key, slices));
}

/** What cannot be read of a listed reservation. */
export function unreadableInReservation(one: ResolvedReservation): Unreadable[] {
  return one.key ? [] : faultsOf("OverlappingRangeIPReservation", one.object, reservationFaults(one));
}

function poolFaults(
  { spec: { range = "", allocations = {} } = {} }: IpPool,
  key: PoolKey | undefined,
  slices: readonly KnownSlice[],
): string[] {
  const base = baseOf(range)?.base;
  if (!base || !key) {
    return [`Its spec.range ${JSON.stringify(range)} is not a CIDR, or does not match its name`];
  }
  const doubt = isDoubtful(key, slices)
    ? [
      `Its name fits more than one network_name: ${
        quoted([...new Set([key, ...key.otherReadings ?? []].map(({ network }) => network))])
      }; the next ADD records the right one`,
    ]
    : [];
  const odd = Object.keys(allocations).filter((key) => addressOf(key, base) === undefined);
  return [...doubt, ...odd.map((key) => `Its entry ${JSON.stringify(key)} is not an offset into ${range}`)];
}

function reservationFaults({ object: { metadata: { name } }, keys }: ResolvedReservation): string[] {
  if (keys.length === 0) return ["Its name contains no address"];
  const readings = keys.map(({ network, ip }) => `${formatIp(ip)} of network_name ${JSON.stringify(network)}`);
  return [
    `Its name can mean ${
      readings.join(" or ")
    }, and no pool entry shows which one is right, so it is kept; if neither address is in use, delete it: ` +
    `kubectl delete overlappingrangeipreservations ${name}`,
  ];
}

function quoted(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(" or ");
}

function sliceFaults({ spec: { range = "" } = {}, status }: NodeSlicePoolObject): string[] {
  const texts = [range, ...(status?.allocations ?? []).map(({ sliceRange = "" }) => sliceRange)];
  return texts.filter((text) => !parseCidr(text)).map((text) => `${JSON.stringify(text)} is not a CIDR`);
}
