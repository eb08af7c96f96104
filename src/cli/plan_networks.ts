/**
 * The networks that `plan` compares: as they are, and with another range or slice size.
 *
 * @module
 */
import { formatCidr, parseCidr } from "../address/cidr.ts";
import { unboundedRange } from "../address/range.ts";
import { networksOf } from "../config/conflist.ts";
import type { IpamConfig } from "../config/types.ts";
import type { Attachment, Cluster, StoredSlices } from "../controllers/cluster.ts";
import { readNetworks } from "../controllers/networks.ts";
import { slicePoolName } from "../ipam/node_slice.ts";
import type { PlannedNetwork } from "../pool/capacity_plan.ts";
import { type Slice, slicePrefix } from "../pool/slice_assignment.ts";
import { formatPoolKey } from "../pool/types.ts";
import type { PoolSnapshot } from "../storage/driver.ts";
import { messageOf } from "../values/errors.ts";
import { isObject, parseJson } from "../values/json.ts";
import type { World } from "../world/world.ts";
import { UsageError } from "./define.ts";

/** What is changed. */
export interface Change {
  /** Another range, as text. */
  readonly range?: string | undefined;
  /** Another slice size, as text. */
  readonly "slice-size"?: string | undefined;
}

/** The networks of a plan. */
export interface PlanNetworks {
  /** The name, for people. */
  readonly name: string;
  /** As it is. */
  readonly before: PlannedNetwork;
  /** With the change; the same without one. */
  readonly after: PlannedNetwork;
  /** The stored slices of each range of `after`. */
  readonly slices: readonly (readonly Slice[])[];
}

/**
 * Reads a definition of the cluster, and the changed one, with the loader of the plugin.
 *
 * @throws {UsageError} no definition, or several, have the name
 * @throws {Error} the definition is invalid, or would be after the change
 */
export async function planDefinition(
  world: World,
  cluster: Cluster,
  name: string,
  change: Change & { readonly config?: string | undefined },
  signal: AbortSignal,
): Promise<PlanNetworks> {
  const attachment = find((await cluster.attachments.list(signal)).items, name);
  const shown = `${attachment.namespace}/${attachment.name}`;
  const read = async (one: Attachment, what: string) => {
    const { networks: [network], faults: [fault] } = await readNetworks(world, [one], change.config);
    if (fault) throw new Error(`${what} ${shown} is invalid: ${messageOf(fault.error)}`, { cause: fault.error });
    if (network && network.config.ranges.length > 0) return network.config;
    throw new Error(`${what} ${shown} has no range of this plugin: nothing to plan`);
  };
  const before = await read(attachment, "Network");
  const isChanged = change.range !== undefined || change["slice-size"] !== undefined;
  const after = isChanged ? await read(changed(attachment, change), "The changed network") : before;
  const stored = after.nodeSliceSize === undefined ? [] : (await cluster.slices.list(signal)).items;
  const planned = toPlanned(before);
  return {
    name: shown,
    before: planned,
    after: isChanged ? toPlanned(after) : planned,
    slices: slicesOf(after, stored),
  };
}

/**
 * Takes the range of a pool, for stores without a cluster.
 *
 * @throws {UsageError} no pool has the name or range
 */
export function planPool(pools: readonly PoolSnapshot[], name: string, change: Change): PlanNetworks {
  if (change["slice-size"] !== undefined) {
    throw new UsageError("Cannot plan --slice-size without a cluster: select one with --kubeconfig");
  }
  const cidr = parseCidr(name)?.cidr;
  const pool = pools.find(({ key }) =>
    formatPoolKey(key) === name || (cidr && formatCidr(cidr) === formatCidr(key.cidr))
  );
  if (!pool) throw new UsageError(`Pool ${JSON.stringify(name)} not found; run show to list the pools`);
  const { network, cidr: own } = pool.key;
  const other = change.range === undefined ? own : parseCidr(change.range)?.cidr;
  if (!other) {
    throw new UsageError(`Invalid --range ${JSON.stringify(change.range)}: expected a CIDR such as 10.0.0.0/22`);
  }
  const planned = (range: typeof own): PlannedNetwork => ({
    network,
    ranges: [unboundedRange(range)],
    reserves: true,
  });
  const before = planned(own);
  const after = change.range === undefined ? before : planned(other);
  return { name: formatPoolKey(pool.key), before, after, slices: [] };
}

function find(attachments: readonly Attachment[], name: string): Attachment {
  const [one, ...more] = attachments.filter((a) => name === `${a.namespace}/${a.name}` || name === a.name);
  if (!one) {
    throw new UsageError(
      `NetworkAttachmentDefinition ${JSON.stringify(name)} not found: expected NAMESPACE/NAME or NAME`,
    );
  }
  if (more.length === 0) return one;
  const names = [one, ...more].map((a) => `${a.namespace}/${a.name}`).join(", ");
  throw new UsageError(`${JSON.stringify(name)} is in several namespaces: expected one of ${names}`);
}

/** Sets fields of the definition's text; the loader then reads them as it reads every definition. */
function changed(attachment: Attachment, { range, "slice-size": size }: Change): Attachment {
  const document = parseJson(attachment.config);
  for (const { ipam } of networksOf(document)) {
    if (!isObject(ipam)) continue;
    if (range !== undefined) set(rangeHolder(ipam), "range", range);
    if (size !== undefined) set(ipam, "node_slice_size", size);
  }
  return { ...attachment, config: JSON.stringify(document) };
}

/** The object with the first range: `ipam` itself, or its first item of `ipRanges`. */
function rangeHolder(ipam: Record<string, unknown>): Record<string, unknown> {
  const { ipRanges } = ipam;
  if (ipam.range !== undefined || !Array.isArray(ipRanges)) return ipam;
  return isObject(ipRanges[0]) ? ipRanges[0] : ipam;
}

/** Names of fields are matched without case, as the loader does. */
function set(object: Record<string, unknown>, name: string, value: string): void {
  const key = Object.keys(object).find((one) => one.toLowerCase() === name) ?? name;
  object[key] = value;
}

function toPlanned(
  { networkName, ranges, nodeSliceSize: size, rangesAllocation, overlapping }: IpamConfig,
): PlannedNetwork {
  const prefixes = size === undefined ? undefined : ranges.map(({ cidr }) => {
    const prefix = slicePrefix(size, cidr);
    if (prefix !== undefined) return prefix;
    const range = formatCidr(cidr);
    throw new Error(
      `Invalid node_slice_size ${JSON.stringify(size)}: expected one between ${range} and a single address`,
    );
  });
  return {
    network: networkName,
    ranges,
    reserves: overlapping,
    ...(rangesAllocation === "first_available" && { firstAvailable: true }),
    ...(prefixes && { slicePrefixes: prefixes }),
  };
}

function slicesOf(config: IpamConfig, stored: readonly StoredSlices[]): (readonly Slice[])[] {
  return config.ranges.map((range, i) =>
    stored.find(({ name }) => name === slicePoolName(config, range, i))?.slices ?? []
  );
}
