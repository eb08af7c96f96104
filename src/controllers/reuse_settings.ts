/**
 * Networks that disagree on the reuse of the addresses of one pool.
 *
 * A pool records the rests of its addresses and the position of a rotation. Each allocation applies the settings of its network, so of two
 * networks with other settings each undoes those of the other.
 *
 * @module
 */
import { formatCidr } from "../address/cidr.ts";
import type { IpRange } from "../address/range.ts";
import type { IpamConfig } from "../config/types.ts";
import type { Attachment } from "./cluster.ts";

/** What counts of a network. */
interface NetworkSettings {
  /** Its definition. */
  readonly attachment: Pick<Attachment, "namespace" | "name">;
  /** Its IPAM configuration. */
  readonly config: Pick<IpamConfig, "datastore" | "networkName" | "nodeSliceSize" | "ranges">;
}

/** A network whose settings differ from those of an earlier one. */
interface ReuseProblem {
  /** Its definition. */
  readonly attachment: NetworkSettings["attachment"];
  /** One sentence. */
  readonly message: string;
}

/** Finds one problem per definition. */
export function findReuseProblems(networks: readonly NetworkSettings[]): ReuseProblem[] {
  const first = new Map<string, { readonly network: NetworkSettings; readonly range: IpRange }>();
  return networks.flatMap((network) => {
    const problems = network.config.ranges.flatMap((range): ReuseProblem[] => {
      const pool = poolOf(network, range);
      const other = first.get(pool);
      if (!other) first.set(pool, { network, range });
      if (!other || describe(other.range) === describe(range)) return [];
      const message =
        `Network ${nameOf(network)} allocates from ${formatCidr(range.cidr)} with ${describe(range)}, and network ` +
        `${nameOf(other.network)} with ${describe(other.range)}: each undoes what the other records; ` +
        "configure both in the same way, or set another network_name in one of them";
      return [{ attachment: network.attachment, message }];
    });
    return problems.slice(0, 1);
  });
}

/** Identifies the pools of a range: networks with the same text share them. */
function poolOf(
  { config: { datastore, networkName, nodeSliceSize = "" } }: NetworkSettings,
  { cidr, blocks }: IpRange,
): string {
  return [datastore.kind, networkName, formatCidr(cidr), nodeSliceSize, blocks?.prefix].join(" ");
}

function describe({ order = "lowest", reuseAfter }: IpRange): string {
  return `order ${order} and ${reuseAfter === undefined ? "no reuse_after" : `reuse_after ${reuseAfter / 1_000}s`}`;
}

function nameOf({ attachment: { namespace, name } }: NetworkSettings): string {
  return `${namespace}/${name}`;
}
