/**
 * Networks that disagree on reserving addresses of overlapping ranges.
 *
 * A network with `enable_overlapping_ranges: false` neither creates reservations nor reads them, so its author promises that no other range of
 * the domain overlaps its own. If one with reservations does, the pool of the network is marked: its pods get reservations nevertheless.
 * Networks with node slices need no mark: of those that disagree, one is refused (`pool/slice_networks.ts`).
 *
 * @module
 */
import { type Cidr, formatCidr, overlap } from "../address/cidr.ts";
import type { IpRange } from "../address/range.ts";
import type { IpamConfig } from "../config/types.ts";
import { poolOf } from "../ipam/ipam.ts";
import type { PoolFacts } from "../pool/orphans.ts";
import { formatPoolKey, type PoolKey } from "../pool/types.ts";
import type { Attachment } from "./cluster.ts";
import { isOnOneGrid } from "./layout_settings.ts";

/** What counts of a network. */
interface NetworkSettings {
  /** Its definition. */
  readonly attachment: Attachment;
  /** Its IPAM configuration. */
  readonly config: Pick<IpamConfig, "datastore" | "networkName" | "nodeSliceSize" | "overlapping" | "ranges">;
}

/** A network without reservations whose range overlaps that of a network with reservations in the same domain. */
interface OverlapProblem {
  /** The definition of the network without reservations. */
  readonly attachment: { readonly namespace: string; readonly name: string };
  /** One word, for events. */
  readonly reason: "OverlappingRangesOff";
  /** One sentence. */
  readonly message: string;
}

interface NetworkRange {
  readonly network: NetworkSettings;
  readonly cidr: Cidr;
  readonly range: IpRange;
}

/** A range of a network without reservations, and one with reservations that overlaps it. */
interface Disagreement {
  readonly off: NetworkRange;
  readonly on: NetworkRange;
  /** The pool that must reserve. Absent if the disagreement has another outcome. */
  readonly marked?: PoolKey;
}

/** Finds one problem per definition. Networks with the same range share a pool, which keeps their addresses unique. */
export function findOverlapProblems(networks: readonly NetworkSettings[]): OverlapProblem[] {
  const found = Map.groupBy(disagreements(networks), ({ off }) => nameOf(off.network));
  return [...found].flatMap(([name, [first]]): OverlapProblem[] => {
    if (!first) return [];
    const { off, on } = first;
    return [{
      attachment: off.network.attachment,
      reason: "OverlappingRangesOff",
      message:
        `Network ${name} allocates from ${formatCidr(off.cidr)} with enable_overlapping_ranges: false, and network ` +
        `${nameOf(on.network)} from ${formatCidr(on.cidr)} with reservations: ${outcomeOf(first)}; ` +
        "enable reservations in both, or set another network_name or range in one of them",
    }];
  });
}

/** The pools of networks without reservations whose allocations need them nevertheless, each once. */
export function poolsToMark(networks: readonly NetworkSettings[]): PoolKey[] {
  const keys = disagreements(networks).flatMap(({ marked }) => marked ?? []);
  return [...new Map(keys.map((key) => [formatPoolKey(key), key])).values()];
}

/** The marked pools that need no mark any more: no network demands it, and no pod has an address of an overlapping pool. */
export function poolsToUnmark<P extends PoolFacts>(pools: readonly P[], demanded: readonly PoolKey[]): P[] {
  const names = new Set(demanded.map(formatPoolKey));
  return pools.filter(({ key, mustReserve }) => {
    if (!mustReserve || key.otherReadings || names.has(formatPoolKey(key))) return false;
    return pools.every((other) =>
      other.allocations.size === 0 || formatPoolKey(other.key) === formatPoolKey(key) ||
      (other.key.network !== key.network && !other.key.otherReadings) || !overlap(other.key.cidr, key.cidr)
    );
  });
}

/** Every range of a network without reservations that overlaps one with reservations in another pool. */
function disagreements(networks: readonly NetworkSettings[]): Disagreement[] {
  const reserving = distinctRanges(networks.filter(({ config }) => config.overlapping));
  return networks.filter(({ config }) => !config.overlapping).flatMap((network) => {
    const others = reserving.get(network.config.networkName) ?? [];
    return network.config.ranges.flatMap((range): Disagreement[] => {
      const { cidr } = range;
      const overlapping = others.filter((one) =>
        overlap(one.cidr, cidr) && formatCidr(one.cidr) !== formatCidr(cidr) && !isOnOneGrid(one.range, range)
      );
      const off = { network, cidr, range };
      const settled = overlapping.find((on) => isOneStore(off, on) && !isSliced(off) && !isSliced(on) && !range.blocks);
      if (settled) return [{ off, on: settled, marked: poolOf(network.config, range) }];
      const [on] = overlapping;
      return on ? [{ off, on }] : [];
    });
  });
}

function outcomeOf({ off, on, marked }: Disagreement): string {
  if (marked) return "pods of both get reservations, so that no address is allocated twice";
  if (off.range.blocks) return "both may allocate the same address, since pools of blocks make no reservations";
  if (isOneStore(off, on)) return "with node_slice_size one of them is refused (event ConflictingSlices)";
  return "both may allocate the same address, since no reservation is in the stores of both";
}

/** Whether reservations of one network hold for the other. etcd has none. */
function isOneStore(off: NetworkRange, on: NetworkRange): boolean {
  return [off, on].every(({ network: { config } }) => config.datastore.kind !== "etcd");
}

function isSliced({ network: { config } }: NetworkRange): boolean {
  return config.nodeSliceSize !== undefined;
}

/** The distinct ranges of each domain, each with the first network that has it. */
function distinctRanges(networks: readonly NetworkSettings[]): Map<string, NetworkRange[]> {
  const domains = new Map<string, Map<string, NetworkRange>>();
  for (const network of networks) {
    const { networkName, nodeSliceSize = "", datastore, ranges: configured } = network.config;
    const ranges = domains.get(networkName) ?? new Map<string, NetworkRange>();
    domains.set(networkName, ranges);
    for (const range of configured) {
      const { cidr, blocks } = range;
      const key = `${formatCidr(cidr)} ${nodeSliceSize} ${datastore.kind} ${blocks?.prefix}`;
      if (!ranges.has(key)) ranges.set(key, { network, cidr, range });
    }
  }
  return new Map([...domains].map(([domain, ranges]) => [domain, [...ranges.values()]]));
}

function nameOf({ attachment: { namespace, name } }: NetworkSettings): string {
  return `${namespace}/${name}`;
}
