/**
 * Finds networks that disagree on reserving addresses of overlapping ranges.
 *
 * A network with `enable_overlapping_ranges: false` neither creates reservations nor reads them, so its author promises that no other range of
 * the domain overlaps its own. If one does, both networks may allocate the same address.
 *
 * @module
 */
import { type Cidr, formatCidr, overlap } from "../address/cidr.ts";
import type { IpamConfig } from "../config/types.ts";
import type { Attachment } from "./cluster.ts";

/** What counts of a network. */
interface NetworkSettings {
  /** Its definition. */
  readonly attachment: Attachment;
  /** Its IPAM configuration. */
  readonly config: Pick<IpamConfig, "networkName" | "overlapping" | "ranges">;
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
  readonly attachment: Attachment;
  readonly cidr: Cidr;
}

/** Finds one problem per definition. Networks with the same range share a pool, which keeps their addresses unique. */
export function findOverlapProblems(networks: readonly NetworkSettings[]): OverlapProblem[] {
  const reserving = distinctRanges(networks.filter(({ config }) => config.overlapping));
  const problems = new Map<string, OverlapProblem>();
  for (const { attachment, config } of networks) {
    if (config.overlapping) continue;
    const name = nameOf(attachment);
    const others = reserving.get(config.networkName) ?? [];
    for (const { cidr } of config.ranges) {
      const other = others.find((one) => overlap(one.cidr, cidr) && formatCidr(one.cidr) !== formatCidr(cidr));
      if (!other || problems.has(name)) continue;
      problems.set(name, {
        attachment,
        reason: "OverlappingRangesOff",
        message:
          `Network ${name} allocates from ${
            formatCidr(cidr)
          } without reservations (enable_overlapping_ranges: false), and network ` +
          `${nameOf(other.attachment)} from ${formatCidr(other.cidr)}: both may allocate the same address; ` +
          "enable reservations in both, or set another network_name or range in one of them",
      });
    }
  }
  return [...problems.values()];
}

/** The distinct ranges of each domain, each with the first network that has it. */
function distinctRanges(networks: readonly NetworkSettings[]): Map<string, NetworkRange[]> {
  const domains = new Map<string, Map<string, NetworkRange>>();
  for (const { attachment, config } of networks) {
    const ranges = domains.get(config.networkName) ?? new Map<string, NetworkRange>();
    domains.set(config.networkName, ranges);
    for (const { cidr } of config.ranges) {
      if (!ranges.has(formatCidr(cidr))) ranges.set(formatCidr(cidr), { attachment, cidr });
    }
  }
  return new Map([...domains].map(([domain, ranges]) => [domain, [...ranges.values()]]));
}

function nameOf({ namespace, name }: Attachment): string {
  return `${namespace}/${name}`;
}
