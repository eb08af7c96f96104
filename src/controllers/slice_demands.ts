/**
 * What the networks of a cluster ask of node slices, and what their definitions are told.
 *
 * @module
 */
import { formatCidr } from "../address/cidr.ts";
import { slicePoolName } from "../ipam/slices.ts";
import type { NetworkRange, Refusal, SlicedRange, SliceGroup } from "../pool/slice_networks.ts";
import { slicePrefix } from "../pool/slices.ts";
import type { Attachment } from "./cluster.ts";
import type { Network } from "./networks.ts";

/** Something about an attachment's slices that an operator has to put right. */
export interface SliceProblem {
  /** Whose. */
  readonly attachment: Attachment;
  /** One word. */
  readonly reason: "NoFreeSlices" | "InvalidSliceSize" | "ConflictingSlices" | "SlicesRefused";
  /** One sentence. */
  readonly message: string;
}

/** A range that is to be cut. */
export interface Demand extends SlicedRange {
  /** Who asks. */
  readonly attachment: Attachment;
}

/** A range of a network without slices. */
export interface Plain extends NetworkRange {
  /** Who allocates of it. */
  readonly attachment: Attachment;
}

/** What the networks ask. */
export interface Demands {
  /** With slices. */
  readonly demands: readonly Demand[];
  /** Without, in the same store. */
  readonly plain: readonly Plain[];
  /** The NodeSlicePools that they name, those of sizes that mean nothing too. */
  readonly names: ReadonlySet<string>;
  /** Sizes that mean nothing. */
  readonly problems: readonly SliceProblem[];
}

/** Sorts the ranges of all networks. */
export function demandsOf(networks: readonly Network[]): Demands {
  const demands: Demand[] = [];
  const plain: Plain[] = [];
  const names = new Set<string>();
  const problems: SliceProblem[] = [];
  for (const { attachment, config } of networks) {
    if (config.datastore.kind === "etcd") continue; // it has no slices, and its pools are elsewhere
    const { nodeSliceSize: size, networkName: network, overlapping: reserves } = config;
    const by = `${attachment.namespace}/${attachment.name}`;
    for (const [index, range] of config.ranges.entries()) {
      const common = { attachment, by, network, range, reserves };
      if (size !== undefined) names.add(slicePoolName(config, range, index));
      const prefix = size === undefined ? undefined : slicePrefix(size, range.cidr);
      if (size === undefined) plain.push(common);
      else if (prefix === undefined) problems.push(invalid(common, size));
      else demands.push({ ...common, name: slicePoolName(config, range, index), size, prefix });
    }
  }
  return { demands, plain, names, problems };
}

/** A network that is refused beside another one. */
export function conflicting({ of, message }: Refusal<Demand | Plain>): SliceProblem {
  const what = "size" in of ? message : `The network without node_slice_size is refused: its ${message}`;
  return { attachment: of.attachment, reason: "ConflictingSlices", message: what };
}

/** A group whose range is too small for its nodes. */
export function exhausted({ cidr, members: [first] }: SliceGroup<Demand>, without: readonly string[]): SliceProblem {
  if (!first) throw new TypeError("A group has members");
  const { attachment, name, size } = first;
  const few = without.slice(0, 5).join(", ");
  const more = without.length > 5 ? ` and ${without.length - 5} more` : "";
  const message = `No slice of ${formatCidr(cidr)} by ${size} is left in NodeSlicePool ${name} for ${few}${more}: ` +
    "pods with this network do not start there; use a larger range or smaller slices";
  return { attachment, reason: "NoFreeSlices", message };
}

function invalid({ attachment, range: { cidr } }: Plain, size: string): SliceProblem {
  const message =
    `Cannot cut ${formatCidr(cidr)} by node_slice_size ${JSON.stringify(size)}: wanted a prefix length of ` +
    `${cidr.prefix} to ${cidr.family === 4 ? 32 : 128}`;
  return { attachment, reason: "InvalidSliceSize", message };
}
