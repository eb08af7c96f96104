/**
 * The node slices that the networks of a cluster demand, and the problems that their definitions have with them.
 *
 * @module
 */
import { formatCidr } from "../address/cidr.ts";
import { slicePoolName } from "../ipam/node_slice.ts";
import type { NetworkRange, Refusal, SlicedRange, SliceGroup } from "../pool/slice_networks.ts";
import { slicePrefix } from "../pool/slice_assignment.ts";
import type { Attachment } from "./cluster.ts";
import type { Network } from "./networks.ts";

/** A problem with the slices of a definition that an operator must correct. */
export interface SliceProblem {
  /** The definition. */
  readonly attachment: Attachment;
  /** One word, for events. */
  readonly reason: "NoFreeSlices" | "InvalidSliceSize" | "ConflictingSlices" | "SlicesRefused" | "SlicesNotElastic";
  /** One sentence. */
  readonly message: string;
}

/** A range that is to be cut into slices. */
export interface Demand extends SlicedRange {
  /** The definition that demands it. */
  readonly attachment: Attachment;
  /** Whether nodes may have several slices. */
  readonly elastic: boolean;
}

/** A range of a network without slices. */
export interface UnslicedRange extends NetworkRange {
  /** The definition that allocates from it. */
  readonly attachment: Attachment;
}

/** The ranges of all networks. */
interface Demands {
  /** Ranges with slices. */
  readonly demands: readonly Demand[];
  /** Ranges without slices, in the same store. */
  readonly unsliced: readonly UnslicedRange[];
  /** Names of the demanded NodeSlicePools, those with an invalid slice size included. */
  readonly names: ReadonlySet<string>;
  /** Invalid slice sizes. */
  readonly problems: readonly SliceProblem[];
}

/** Sorts the ranges of all networks. */
export function demandsOf(networks: readonly Network[]): Demands {
  const demands: Demand[] = [];
  const unsliced: UnslicedRange[] = [];
  const names = new Set<string>();
  const problems: SliceProblem[] = [];
  for (const { attachment, config } of networks) {
    if (config.datastore.kind === "etcd") continue; // etcd has no slices, and its pools are not IPPools
    const { nodeSliceSize: size, nodeSliceElastic: elastic = false } = config;
    const { networkName: network, overlapping: reserves } = config;
    const by = `${attachment.namespace}/${attachment.name}`;
    for (const [index, range] of config.ranges.entries()) {
      const common = { attachment, by, network, range, reserves };
      if (size !== undefined) names.add(slicePoolName(config, range, index));
      const prefix = size === undefined ? undefined : slicePrefix(size, range.cidr);
      if (size === undefined) unsliced.push(common);
      else if (prefix === undefined) problems.push(invalid(common, size));
      else demands.push({ ...common, name: slicePoolName(config, range, index), size, prefix, elastic });
    }
  }
  return { demands, unsliced, names, problems };
}

/** The problem of a network that is refused because of another one. */
export function conflicting({ of, message }: Refusal<Demand | UnslicedRange>): SliceProblem {
  const text = "size" in of ? message : `The network without node_slice_size is refused: its ${message}`;
  return { attachment: of.attachment, reason: "ConflictingSlices", message: text };
}

/** The problem of a group whose range has too few slices for the nodes. */
export function exhausted({ cidr, members: [first] }: SliceGroup<Demand>, without: readonly string[]): SliceProblem {
  if (!first) throw new TypeError("A group has members");
  const { attachment, name, size, elastic } = first;
  const listed = without.slice(0, 5).join(", ");
  const more = without.length > 5 ? ` and ${without.length - 5} more` : "";
  const message = `NodeSlicePool ${name} has no free slice (${formatCidr(cidr)} by ${size}) for ${listed}${more}: ` +
    `${
      elastic ? "pods with this network borrow addresses of other nodes" : "pods with this network do not start"
    } there; use a larger range or smaller slices`;
  return { attachment, reason: "NoFreeSlices", message };
}

/** The problem of a group whose nodes cannot take slices. */
export function notElastic({ members: [first] }: SliceGroup<Demand>, why: string): SliceProblem {
  if (!first) throw new TypeError("A group has members");
  const { attachment, name } = first;
  return { attachment, reason: "SlicesNotElastic", message: `Nodes take no slices of NodeSlicePool ${name}: ${why}` };
}

function invalid({ attachment, range: { cidr } }: UnslicedRange, size: string): SliceProblem {
  const message =
    `Cannot cut ${formatCidr(cidr)} by node_slice_size ${JSON.stringify(size)}: expected a prefix length from ` +
    `${cidr.prefix} to ${cidr.family === 4 ? 32 : 128}`;
  return { attachment, reason: "InvalidSliceSize", message };
}
