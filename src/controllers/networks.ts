/**
 * The networks of a cluster, as its NetworkAttachmentDefinitions configure them.
 *
 * @module
 */
import { contains } from "../address/cidr.ts";
import { formatIp } from "../address/ip.ts";
import type { IpRange } from "../address/range.ts";
import { nameFault, versionFault } from "../config/conf.ts";
import { networksOf } from "../config/conflist.ts";
import { readFlatFile } from "../config/files.ts";
import { loadConfig } from "../config/load.ts";
import type { IpamConfig } from "../config/types.ts";
import { poolsOf } from "../ipam/ipam.ts";
import type { NetworkRules } from "../ipam/sweep.ts";
import { type Finding, NOBODY } from "../pool/finding.ts";
import type { ConfiguredFacts } from "../pool/findings.ts";
import type { PoolKey } from "../pool/types.ts";
import { parseJson } from "../values/json.ts";
import type { World } from "../world/world.ts";
import type { Attachment } from "./cluster.ts";
import { findOverlapProblems } from "./overlap_settings.ts";

/** A network of ours, and where it is configured. */
export interface Network {
  /** The definition. */
  readonly attachment: Attachment;
  /** What it says. */
  readonly config: IpamConfig;
  /** Fields that are ignored, and paths that nodes refuse unless their operator allows them: one sentence each. Default: none. */
  readonly warnings?: readonly string[];
}

/** A definition that cannot be used. */
export interface Fault {
  /** The definition. */
  readonly attachment: Attachment;
  /** Why. */
  readonly error: unknown;
}

/**
 * Reads definitions over the operator's flat file, which is read once. Those of other IPAM plugins are left out, and one that cannot be used
 * stops no other. No file that a definition names is opened: it is the nodes', and its author may be anybody.
 *
 * @param config a file of fields over the flat file's, which is the first that exists of the usual places
 * @throws {ConfigError} one of them exists and cannot be read: every network would be misread
 */
export async function readNetworks(
  world: World,
  attachments: readonly Attachment[],
  config?: string,
): Promise<{ readonly networks: readonly Network[]; readonly faults: readonly Fault[] }> {
  const networks: Network[] = [];
  const faults: Fault[] = [];
  const named = config === undefined ? [] : await readFlatFile(world, { named: config });
  const below = [...named, ...await readFlatFile(world, {})];
  for (const attachment of attachments) {
    if (attachment.config === "") continue; // the runtime then reads a file of the node, which does not exist here
    try {
      for (const conf of networksOf(parseJson(attachment.config))) {
        // the runtime names a network that has no name after its definition
        const fault = nameFault(conf.name || attachment.name) ?? wordsOf(versionFault(conf.cniVersion));
        if (fault !== undefined) throw new RangeError(fault);
        const input = { conf: { name: attachment.name, ...conf }, below, purpose: "inspect" as const };
        const { config, warnings } = await loadConfig(world, input);
        networks.push({ attachment, config, warnings });
      }
    } catch (error) {
      faults.push({ attachment, error });
    }
  }
  return { networks, faults };
}

function wordsOf(refused: ReturnType<typeof versionFault>): string | undefined {
  return refused && `${refused.fault}: ${refused.supported}`;
}

/** A network that uses a pool, and with which range. */
export interface PoolUser {
  /** The network. */
  readonly network: Network;
  /** Its range that the pool, or the pool's slice, is of. */
  readonly range: IpRange;
}

/** The networks that may use a pool. */
export function usersOf(networks: readonly Network[], { network: name, cidr }: PoolKey): PoolUser[] {
  return networks.filter(({ config }) => config.networkName === name).flatMap((network) => {
    const [range] = rangesIn(network.config, { cidr });
    return range ? [{ network, range }] : [];
  });
}

/** The ranges of a network that a pool, or the slice that the pool is of, belongs to. */
function rangesIn({ ranges, nodeSliceSize }: IpamConfig, { cidr }: Pick<PoolKey, "cidr">): IpRange[] {
  return ranges.filter(({ cidr: whole }) => {
    if (whole.family !== cidr.family) return false;
    const same = whole.base === cidr.base && whole.prefix === cidr.prefix;
    return same || (nodeSliceSize !== undefined && contains(whole, { family: cidr.family, value: cidr.base }));
  });
}

/** What the networks configure that would be a mistake elsewhere. */
export function configuredBy(networks: readonly Network[]): ConfiguredFacts {
  const byName = Map.groupBy(networks, ({ attachment: { namespace, name } }) => `${namespace}/${name}`);
  return {
    rangesOf: (key) => {
      const counts = usersOf(networks, key).map(({ network: { config } }) => rangesIn(config, key).length);
      return counts.length > 0 ? Math.max(...counts) : undefined;
    },
    mayOverlap: (key) => {
      const users = usersOf(networks, key);
      return users.length > 0 ? users.every(({ network }) => !network.config.overlapping) : undefined;
    },
    isStatic: (attachment, address) =>
      byName.get(attachment)?.some(({ config }) => config.addresses.some(({ ip }) => formatIp(ip) === address)),
  };
}

/** Whether every network that may use a pool reserves its addresses. False where no network is known for it. */
export function reservesBy(networks: readonly Network[]): (key: PoolKey) => boolean {
  return (key) => {
    const users = usersOf(networks, key);
    return users.length > 0 && users.every(({ network }) => network.config.overlapping);
  };
}

/** What the networks say of pools, for a sweep. */
export function networkRules(networks: readonly Network[], faults: readonly Fault[] = []): Required<NetworkRules> {
  const findings = networkFindings(networks, faults);
  return {
    configured: configuredBy(networks),
    networkFindings: () => findings,
    reserves: reservesBy(networks),
    verifiesStatus: (key) => usersOf(networks, key).every(({ network }) => network.config.verifyNetworkStatus),
    wholeRange: (key) => usersOf(networks, key)[0]?.range.cidr,
    poolsInUse: () =>
      networks.filter(({ config }) => config.nodeSliceSize === undefined)
        .flatMap(({ config }) => poolsOf(config)),
  };
}

/** What is wrong with the networks themselves: definitions that the plugin refuses, and networks that disagree on reservations. */
function networkFindings(networks: readonly Network[], faults: readonly Fault[]): Finding[] {
  const found = (kind: "unusable-network" | "overlapping-ranges-off", pool: string, message: string): Finding => ({
    ...NOBODY,
    kind,
    subject: "network",
    pool,
    message,
  });
  return [
    ...faults.map(({ attachment: { namespace, name }, error }) => {
      const why = error instanceof Error ? error.message : String(error);
      const edit = `kubectl -n ${namespace} edit network-attachment-definition ${name}`;
      return found("unusable-network", `${namespace}/${name}`, `${why}; correct it: ${edit}`);
    }),
    ...findOverlapProblems(networks).map(({ attachment: { namespace, name }, message }) =>
      found("overlapping-ranges-off", `${namespace}/${name}`, message)
    ),
  ];
}
