/**
 * Checks network definitions before a cluster uses them: what the plugin would refuse, what it would ignore, and what does not fit.
 *
 * @module
 */
import { type Cidr, contains, formatCidr, overlap } from "../address/cidr.ts";
import { formatIp, type Ip, parseIp } from "../address/ip.ts";
import { type IpRange, isCandidate } from "../address/range.ts";
import type { IpamConfig } from "../config/types.ts";
import type { Attachment } from "../controllers/cluster.ts";
import type { Fault, Network } from "../controllers/networks.ts";
import { findOverlapProblems } from "../controllers/overlap_settings.ts";
import { demandsOf } from "../controllers/slice_demands.ts";
import { messageOf } from "../values/errors.ts";

/** `error`: ADD fails. `warning`: it works, and probably not as intended. `note`: worth knowing. */
export type Level = "error" | "warning" | "note";

/** Every rule: the level of its findings, and what it is about. */
export const RULES = {
  "invalid-definition": { level: "error", about: "The plugin refuses the network" },
  "defined-twice": { level: "error", about: "Two definitions have the same namespace and name" },
  "slices": { level: "error", about: "The node slices do not fit the range, the nodes or another network" },
  "ignored": { level: "warning", about: "A field is ignored, or works differently from how it reads" },
  "gateway-in-range": { level: "warning", about: "A gateway is an address that a pod may get" },
  "cluster-addresses": { level: "warning", about: "A range overlaps the addresses of pods, Services or nodes" },
  "reservations-off": { level: "warning", about: "Networks that overlap disagree on reservations" },
  "overlap": { level: "note", about: "A range overlaps the range of another network" },
} as const satisfies Readonly<Record<string, { readonly level: Level; readonly about: string }>>;

/** The name of a rule. */
export type RuleName = keyof typeof RULES;

/** One finding. */
export interface LintFinding {
  /** The rule. */
  readonly rule: RuleName;
  /** The definition. */
  readonly attachment: Attachment;
  /** One sentence: what was found, what was expected, what to do. */
  readonly message: string;
}

/** What is known of the cluster that the networks are for. */
export interface ClusterFacts {
  /** Networks of pods, Services and nodes, each with its description: `the pod network 10.244.0.0/16`. */
  readonly addresses: readonly { readonly cidr: Cidr; readonly what: string }[];
  /** The number of nodes. Absent: unknown. */
  readonly nodes?: number;
}

/**
 * Checks networks.
 *
 * @param networks the valid ones of all definitions, as {@linkcode readNetworks} returns them
 * @param faults the invalid ones
 */
export function lint(networks: readonly Network[], faults: readonly Fault[], cluster: ClusterFacts): LintFinding[] {
  return [
    ...faults.map(({ attachment, error }): LintFinding => ({
      rule: "invalid-definition",
      attachment,
      message: messageOf(error),
    })),
    ...networks.flatMap((network) => [...lintNetwork(network), ...lintAddresses(network, cluster)]),
    ...lintSlices(networks, cluster),
    ...findOverlapProblems(networks).flatMap(({ attachment: { namespace, name }, message }): LintFinding[] => {
      const network = networks.find(({ attachment: one }) => one.namespace === namespace && one.name === name);
      return network ? [{ rule: "reservations-off", attachment: network.attachment, message }] : [];
    }),
    ...lintOverlaps(networks),
  ];
}

/** The rules for one network by itself. */
function lintNetwork({ attachment, config, warnings = [] }: Network): LintFinding[] {
  const found = warnings.map((message): LintFinding => ({ rule: "ignored", attachment, message }));
  for (const { gateway, range, field } of gatewaysOf(config)) {
    found.push({
      rule: "gateway-in-range",
      attachment,
      message: `${field} ${formatIp(gateway)} is an address that range ${formatCidr(range.cidr)} allocates to pods; ` +
        "exclude it, or move the range's bounds",
    });
  }
  return found;
}

interface AllocatableGateway {
  readonly gateway: Ip;
  readonly range: IpRange;
  readonly field: string;
}

/** The gateways of addresses and routes that a range of the network may allocate. */
function gatewaysOf({ ranges, gateway, addresses, routes }: IpamConfig): AllocatableGateway[] {
  const gateways = [
    ...(gateway ? [{ gateway, field: "ipam.gateway" }] : []),
    ...ranges.flatMap((range) => range.gateway ? [{ gateway: range.gateway, field: "gateway of ipam.ipRanges" }] : []),
    ...addresses.flatMap((one, i) =>
      one.gateway ? [{ gateway: one.gateway, field: `ipam.addresses[${i}].gateway` }] : []
    ),
    ...routes.flatMap(({ gw }, i) => {
      const ip = gw === undefined ? undefined : parseIp(gw);
      return ip ? [{ gateway: ip, field: `ipam.routes[${i}].gw` }] : [];
    }),
  ];
  const seen = new Set<string>();
  return gateways.flatMap(({ gateway, field }) => {
    const range = ranges.find((one) => contains(one.cidr, gateway) && isCandidate(one, gateway.value));
    if (!range || seen.has(formatIp(gateway))) return [];
    seen.add(formatIp(gateway));
    return [{ gateway, range, field }];
  });
}

/** Ranges that overlap addresses of the cluster. */
function lintAddresses({ attachment, config }: Network, { addresses }: ClusterFacts): LintFinding[] {
  return config.ranges.flatMap(({ cidr }) => {
    const found = addresses.find((one) => overlap(one.cidr, cidr));
    return found
      ? [{
        rule: "cluster-addresses" as const,
        attachment,
        message: `Range ${formatCidr(cidr)} overlaps ${found.what}: a pod cannot reach both; choose another range`,
      }]
      : [];
  });
}

/** Slices that do not fit their range, and ranges with fewer slices than nodes. */
function lintSlices(networks: readonly Network[], { nodes }: ClusterFacts): LintFinding[] {
  const { demands, problems } = demandsOf(networks);
  const found = problems.map(({ attachment, message }): LintFinding => ({ rule: "slices", attachment, message }));
  for (const { attachment, range, prefix } of demands) {
    const slices = 2 ** (prefix - range.cidr.prefix);
    if (nodes === undefined || slices >= nodes) continue;
    found.push({
      rule: "slices",
      attachment,
      message:
        `Range ${formatCidr(range.cidr)} has ${slices} ${
          slices === 1 ? "slice" : "slices"
        } of /${prefix} for ${nodes} nodes: ` +
        "the others get no addresses; widen the range, or make node_slice_size smaller",
    });
  }
  return found;
}

/** One note for each network whose range overlaps a different range of an earlier network. */
function lintOverlaps(networks: readonly Network[]): LintFinding[] {
  const found: LintFinding[] = [];
  const earlier: { readonly network: Network; readonly cidr: Cidr }[] = [];
  for (const network of networks) {
    const { attachment, config } = network;
    const pair = config.ranges.flatMap(({ cidr }) => {
      const other = earlier.find((one) =>
        overlap(one.cidr, cidr) && isDistinct(one.network.config, config, one.cidr, cidr)
      );
      return other ? [{ cidr, other }] : [];
    })[0];
    earlier.push(...config.ranges.map(({ cidr }) => ({ network, cidr })));
    if (!pair) continue;
    const { cidr, other } = pair;
    const shared = other.network.config.networkName === config.networkName;
    if (shared && other.network.config.overlapping !== config.overlapping) continue; // `reservations-off`
    const effect = !shared
      ? "their network_name differs, so both allocate the same addresses"
      : config.overlapping
      ? "reservations keep their addresses apart"
      : "both have enable_overlapping_ranges: false, so both allocate the same addresses";
    found.push({
      rule: "overlap",
      attachment,
      message: `Range ${formatCidr(cidr)} overlaps ${formatCidr(other.cidr)} of network ${
        nameOf(other.network.attachment)
      }: ${effect}`,
    });
  }
  return found;
}

/** Whether two overlapping ranges are served by different pools: equal ranges of one domain share a pool. */
function isDistinct(one: IpamConfig, other: IpamConfig, a: Cidr, b: Cidr): boolean {
  return one.networkName !== other.networkName || formatCidr(a) !== formatCidr(b);
}

/** The name of a definition: `NAMESPACE/NAME`, or the name of a configuration without a definition. */
export function nameOf({ namespace, name }: Attachment): string {
  return namespace === "" ? name || "(without a name)" : `${namespace}/${name}`;
}
