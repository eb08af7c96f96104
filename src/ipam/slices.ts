/**
 * Node slices in the plugin: each range narrowed to this node's part of it.
 *
 * @module
 */
import { formatCidr, span } from "../address/cidr.ts";
import type { IpRange } from "../address/range.ts";
import { ConfigError, type IpamConfig } from "../config/types.ts";
import { retry } from "../storage/retry.ts";
import { NoSliceError } from "./errors.ts";
import type { Ipam } from "./ipam.ts";

/**
 * The name of the NodeSlicePool of a range: as the original has it for the first range; the range is appended for others, which the
 * original does not serve.
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
 * Narrows the ranges to the slices of a node; without `node_slice_size` they stay as they are.
 *
 * @throws {NoSliceError} the node has no slice of a range
 * @throws {ConfigError} the store keeps no slices
 */
export async function sliceRanges(
  ipam: Ipam,
  config: IpamConfig,
  nodeName: () => Promise<string>,
  signal: AbortSignal,
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
    const pool = await retry((limit) => slices.find(name, limit), ipam.clock, signal);
    const slice = pool?.find((one) => one.node === node && one.cidr.family === range.cidr.family);
    if (slice) return narrowed(range, node, slice.cidr);
    const why = pool
      ? `it lists ${pool.filter((one) => one.node !== "").length} other nodes`
      : "there is no such object";
    throw new NoSliceError(
      `Node ${JSON.stringify(node)} has no slice of ${formatCidr(range.cidr)} in NodeSlicePool ${name}: ${why}; ` +
        "the controller gives slices to nodes",
    );
  }));
  return { ...config, ranges };
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
