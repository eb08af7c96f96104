/**
 * Node slices in the plugin: narrows each range to this node's slice.
 *
 * @module
 */
import { formatCidr, parseCidr, span, within } from "../address/cidr.ts";
import type { IpRange } from "../address/range.ts";
import { ConfigError, type IpamConfig } from "../config/types.ts";
import type { SliceList } from "../storage/driver.ts";
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
 * What slices are read for: `allocate`, or `recorded` for calls on existing allocations, which ignore reasons that only forbid allocating.
 */
export type SlicePurpose = "allocate" | "recorded";

/**
 * Narrows the ranges to the slices of a node. Without `node_slice_size` they stay unchanged.
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
  const { slices } = ipam.driver;
  if (!slices) {
    throw new ConfigError(
      "ipam.node_slice_size",
      `Cannot use ipam.node_slice_size ${
        JSON.stringify(config.nodeSliceSize)
      }: datastore ${ipam.driver.name} keeps no node slices`,
    );
  }
  const node = await nodeName();
  const ranges = await Promise.all(config.ranges.map(async (range, index) => {
    const name = slicePoolName(config, range, index);
    const list = await slices.find(name, signal);
    const own = list?.slices.filter((one) => one.node === node && one.cidr.family === range.cidr.family) ?? [];
    const inside = own.find(({ cidr }) => within(range.cidr, cidr));
    const slice = purpose === "recorded" ? inside ?? own[0] : inside;
    if (slice && (purpose === "recorded" || !refusal(name, list, range))) return narrowed(range, node, slice.cidr);
    throw new NoSliceError(refusal(name, list, range) ?? missing(name, list, range, node));
  }));
  return { ...config, ranges };
}

/** Why the slices under a name cannot serve this range; undefined if they can. */
function refusal(name: string, list: SliceList | undefined, { cidr }: IpRange): string | undefined {
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
