/**
 * Networks whose ranges are divided into blocks (`block_size`), and others of their allocation domain that are not on the same grid.
 *
 * Networks on one grid meet in the same pools, whose commits keep them apart. Another pool that overlaps the blocks is kept apart by
 * reservations only.
 *
 * @module
 */
import { formatCidr, overlap } from "../address/cidr.ts";
import type { IpRange } from "../address/range.ts";
import type { IpamConfig } from "../config/types.ts";
import type { Attachment } from "./cluster.ts";

/** What counts of a network. */
interface NetworkSettings {
  /** Its definition. */
  readonly attachment: Pick<Attachment, "namespace" | "name">;
  /** Its IPAM configuration. */
  readonly config: Pick<IpamConfig, "datastore" | "networkName" | "nodeSliceSize" | "overlapping" | "ranges">;
}

/** A network that is not on the grid of another one. */
interface LayoutProblem {
  /** Its definition. */
  readonly attachment: NetworkSettings["attachment"];
  /** One sentence. */
  readonly message: string;
}

interface NetworkRange {
  readonly network: NetworkSettings;
  readonly range: IpRange;
}

/** Finds one problem per definition: a network has it whose grid is not that of the first one of its domain. */
export function findLayoutProblems(networks: readonly NetworkSettings[]): LayoutProblem[] {
  const all = networks.flatMap((network) => network.config.ranges.map((range): NetworkRange => ({ network, range })));
  const divided = all.filter(({ range }) => range.blocks);
  return networks.flatMap((network): LayoutProblem[] => {
    for (const one of all.filter((range) => range.network === network)) {
      const inDomain = divided.filter((grid) => isOneDomain(one, grid));
      const rivals = one.range.blocks ? inDomain.slice(0, 1) : inDomain;
      const other = rivals.find((grid) => grid.network !== network && differs(one, grid));
      if (other) return [{ attachment: network.attachment, message: messageOf(one, other) }];
    }
    return [];
  });
}

function differs({ network, range }: NetworkRange, grid: NetworkRange): boolean {
  if (isOnOneGrid(range, grid.range, network.config.nodeSliceSize)) return false;
  return range.blocks !== undefined || overlap(range.cidr, grid.range.cidr);
}

/** Whether two ranges share the same pools where they overlap: they have blocks of one size, or one of them is exactly such a block. */
export function isOnOneGrid(a: IpRange, b: IpRange, sliceSize?: string): boolean {
  if (sliceSize !== undefined) return false;
  return blockOf(a) === blockOf(b) && (a.blocks !== undefined || b.blocks !== undefined);
}

/** The prefix length of a range's pools. */
function blockOf({ cidr, blocks }: IpRange): number {
  return blocks?.prefix ?? cidr.prefix;
}

function isOneDomain(a: NetworkRange, b: NetworkRange): boolean {
  const [one, other] = [a.network.config, b.network.config];
  return a.range.cidr.family === b.range.cidr.family && one.networkName === other.networkName &&
    one.datastore.kind === other.datastore.kind;
}

function messageOf(one: NetworkRange, grid: NetworkRange): string {
  const size = (blocks: IpRange["blocks"]) => blocks ? `block_size /${blocks.prefix}` : "no block_size";
  const text = ({ network, range }: NetworkRange) =>
    `${nameOf(network)} allocates from ${formatCidr(range.cidr)} with ${size(range.blocks)}`;
  return `Network ${text(one)}, and network ${text(grid)}: ${outcomeOf(one, grid)}; ` +
    "set the same block_size in both, or another network_name in one of them";
}

function outcomeOf(one: NetworkRange, grid: NetworkRange): string {
  const isSameRange = formatCidr(one.range.cidr) === formatCidr(grid.range.cidr);
  if (one.range.blocks || (isSameRange && one.network.config.nodeSliceSize === undefined)) {
    return "an allocation domain has one grid, so pods of one of them get no address";
  }
  const reserves = [one, grid].every(({ network: { config } }) =>
    config.overlapping && config.datastore.kind !== "etcd"
  );
  return reserves ? "only reservations keep them apart" : "both may allocate the same address";
}

function nameOf({ attachment: { namespace, name } }: NetworkSettings): string {
  return `${namespace}/${name}`;
}
