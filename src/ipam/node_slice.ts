/**
 * Node slices in the plugin: narrows each range to this node's slice.
 *
 * @module
 */
import { contains, formatCidr, parseCidr, span, within } from "../address/cidr.ts";
import type { Ip } from "../address/ip.ts";
import type { IpRange } from "../address/range.ts";
import { ConfigError, type IpamConfig } from "../config/types.ts";
import type { Slice } from "../pool/slice_assignment.ts";
import type { SliceList, SliceStore } from "../storage/driver.ts";
import { NoSliceError } from "./errors.ts";
import type { Ipam } from "./ipam.ts";

/**
 * The name of the NodeSlicePool of a range: the original's for the first range. The range is appended for others, which the original does
 * not support.
 */
export function slicePoolName(
  config: Pick<IpamConfig, "network" | "networkName">,
  range: IpRange,
  index: number,
): string {
  const name = config.networkName || config.network;
  return index === 0 ? name : `${name}-${formatCidr(range.cidr).replace(/[:/]/g, "-")}`;
}

/**
 * What slices are read for: `allocate`, `release`, or the addresses that a network gave. Calls on existing allocations ignore reasons that only
 * forbid allocating.
 */
export type SlicePurpose = "allocate" | "release" | readonly Ip[];

/**
 * Narrows the ranges to the slices of a node. For a release, a range has one copy for each slice of the node. Without `node_slice_size` they
 * stay unchanged.
 *
 * @throws {NoSliceError} the node has no slice of a range
 * @throws {ConfigError} the store keeps no slices
 */
export async function sliceRanges(
  ipam: Ipam,
  config: IpamConfig,
  nodeName: () => Promise<string>,
  signal: AbortSignal,
  purpose: SlicePurpose = "allocate",
): Promise<IpamConfig> {
  if (config.nodeSliceSize === undefined || config.ranges.length === 0) return config;
  const slices = sliceStore(ipam, config);
  const node = await nodeName();
  const ranges = await Promise.all(config.ranges.map(async (range, index) => {
    const name = slicePoolName(config, range, index);
    const list = await slices.find(name, signal);
    const refused = refusal(name, list, range);
    const all = list?.slices.filter(({ cidr }) => cidr.family === range.cidr.family) ?? [];
    const own = all.filter((one) => one.node === node);
    const inside = own.filter(({ cidr }) => within(range.cidr, cidr));
    if (purpose !== "allocate") {
      const found = slicesOf(purpose, config.nodeSliceElastic ? all : own, inside.length > 0 ? inside : own);
      if (found.length > 0) return found.map((slice) => narrowed(range, slice.node, slice.cidr));
    } else if (refused === undefined) {
      const [slice] = inside;
      if (slice) return [narrowed(range, node, slice.cidr)];
      if (config.nodeSliceElastic && list?.elastic === true) return [range]; // the node takes one, or borrows
    }
    throw new NoSliceError(refused ?? missing(name, list, range, node));
  }));
  return { ...config, ranges: ranges.flat() };
}

/**
 * The slices of a store.
 *
 * @throws {ConfigError} it keeps none
 */
export function sliceStore({ driver }: Ipam, { nodeSliceSize = "" }: IpamConfig): SliceStore {
  if (driver.slices) return driver.slices;
  throw new ConfigError(
    "ipam.node_slice_size",
    `Cannot use ipam.node_slice_size ${JSON.stringify(nodeSliceSize)}: datastore ${driver.name} keeps no node slices`,
  );
}

/** The slices that may have the addresses of an attachment: of a release all slices of the node, of known addresses the one that has them. */
function slicesOf(purpose: Exclude<SlicePurpose, "allocate">, all: readonly Slice[], own: readonly Slice[]): Slice[] {
  if (purpose === "release") return [...own];
  const has = ({ node, cidr }: Slice) => node !== "" && purpose.some((ip) => contains(cidr, ip));
  return [...own.filter(has), ...all.filter(has), ...own].slice(0, 1);
}

/** Why the slices under a name cannot serve this range; undefined if they can. */
export function refusal(name: string, list: SliceList | undefined, { cidr }: IpRange): string | undefined {
  if (list?.refused !== undefined) return list.refused;
  const whole = list && parseCidr(list.range)?.cidr;
  if (!whole || formatCidr(whole) === formatCidr(cidr)) return undefined;
  return `NodeSlicePool ${name} has range ${formatCidr(whole)}, this network has ${formatCidr(cidr)}; ` +
    "use different names for the networks, or, if the range was changed, wait for the controller";
}

function missing(name: string, list: SliceList | undefined, { cidr }: IpRange, node: string): string {
  const others = new Set(list?.slices.map((one) => one.node).filter((other) => other !== "" && other !== node));
  const why = list ? `it lists ${others.size} other nodes` : "the object does not exist";
  return `Node ${JSON.stringify(node)} has no slice of ${formatCidr(cidr)} in NodeSlicePool ${name}: ${why}; ` +
    "the controller assigns slices to nodes";
}

/** A range narrowed to the slice of a node. */
export function narrowed(range: IpRange, node: string, cidr: IpRange["cidr"]): IpRange {
  const { first, last } = span(cidr);
  return {
    ...range,
    slice: { node, cidr },
    first: first > range.first ? first : range.first,
    last: last < range.last ? last : range.last,
  };
}
