/**
 * The networks that the NetworkAttachmentDefinitions of a cluster configure.
 *
 * @module
 */
import { type Cidr, contains, overlap } from "../address/cidr.ts";
import { formatIp } from "../address/ip.ts";
import type { IpRange } from "../address/range.ts";
import { nameFault, versionFault } from "../config/conf.ts";
import { networksOf } from "../config/conflist.ts";
import { readFlatFile } from "../config/files.ts";
import { loadConfig } from "../config/load.ts";
import { isDivided } from "../config/blocks.ts";
import { outlivesPods, unreadPersistence } from "../config/persistence.ts";
import type { IpamConfig } from "../config/types.ts";
import { poolsOf } from "../ipam/ipam.ts";
import type { NetworkRules } from "../ipam/sweep.ts";
import { type Finding, NO_OWNER } from "../pool/finding.ts";
import type { ConfiguredFacts } from "../pool/findings.ts";
import { isBlockOf } from "../pool/grid.ts";
import { PoolIndex } from "../pool/pool_index.ts";
import type { PoolKey } from "../pool/types.ts";
import { parseJson } from "../values/json.ts";
import { messageOf } from "../values/errors.ts";
import type { World } from "../world/world.ts";
import type { Attachment } from "./cluster.ts";
import { findOverlapProblems } from "./overlap_settings.ts";
import { findLayoutProblems } from "./layout_settings.ts";
import { findReuseProblems } from "./reuse_settings.ts";

/** A network that uses this plugin. */
export interface Network {
  /** Its definition. */
  readonly attachment: Attachment;
  /** Its IPAM configuration. */
  readonly config: IpamConfig;
  /** One sentence for each field that is ignored, and each path that nodes refuse unless their operator allows it. Default: empty. */
  readonly warnings?: readonly string[];
}

/** An invalid definition. */
export interface Fault {
  /** The definition. */
  readonly attachment: Attachment;
  /** The reason. */
  readonly error: unknown;
}

/**
 * Reads definitions over the operator's flat file, which is read once. Definitions of other IPAM plugins are skipped; an invalid one does not
 * affect the others. No file that a definition names is opened: it belongs to the nodes, and the author of the definition is not trusted.
 *
 * @param config a file of fields over those of the flat file, which is the first that exists of the usual paths
 * @throws {ConfigError} one of these files exists and cannot be read: every network would be misread
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
    if (attachment.config === "") continue; // the runtime reads a file of the node instead
    try {
      const definition = parseJson(attachment.config);
      for (const conf of networksOf(definition)) {
        // the runtime gives a network without a name that of its definition
        const fault = nameFault(conf.name || attachment.name) ?? describe(versionFault(conf.cniVersion));
        if (fault !== undefined) throw new RangeError(fault);
        const input = { conf: { name: attachment.name, ...conf }, below, purpose: "inspect" as const };
        const { config, warnings } = await loadConfig(world, input);
        networks.push({ attachment, config, warnings: [...warnings, ...unreadPersistence(definition, config)] });
      }
    } catch (error) {
      faults.push({ attachment, error });
    }
  }
  return { networks, faults };
}

function describe(refused: ReturnType<typeof versionFault>): string | undefined {
  return refused && `${refused.fault}: ${refused.supported}`;
}

/** A network that uses a pool. */
interface PoolUser {
  /** The network. */
  readonly network: Network;
  /** The range of the network that the pool, or the slice of the pool, belongs to. */
  readonly range: IpRange;
}

/** The ranges of networks, and the users of the pools that were asked for: every entry of a pool asks for them. */
interface KnownUsers {
  readonly ranges: PoolIndex<{ readonly key: PoolKey; readonly network: Network }>;
  readonly found: Map<string, readonly PoolUser[]>;
}

/** By lists of networks, which are never changed. */
const known = new WeakMap<readonly Network[], KnownUsers>();

/** The networks that use a pool. */
export function usersOf(networks: readonly Network[], key: PoolKey): readonly PoolUser[] {
  const { ranges, found } = known.get(networks) ?? {
    ranges: new PoolIndex(
      networks.flatMap((network) =>
        network.config.ranges.map(({ cidr }) => ({ key: { network: network.config.networkName, cidr }, network }))
      ),
    ),
    found: new Map(),
  };
  known.set(networks, { ranges, found });
  const { network: name, cidr } = key;
  const pool = `${name} ${cidr.family} ${cidr.base} ${cidr.prefix}`;
  const users = found.get(pool) ?? findUsers(ranges, key);
  found.set(pool, users);
  return users;
}

function findUsers(ranges: KnownUsers["ranges"], { network: name, cidr }: PoolKey): PoolUser[] {
  const around = ranges.containing({ family: cidr.family, value: cidr.base }).filter(({ key }) => key.network === name);
  return [...new Set(around.map(({ network }) => network))].flatMap((network) => {
    const [range] = rangesIn(network.config, { cidr });
    return range ? [{ network, range }] : [];
  });
}

/** The ranges of a network that a pool, or the slice of the pool, belongs to. */
function rangesIn({ ranges, nodeSliceSize }: IpamConfig, { cidr }: Pick<PoolKey, "cidr">): IpRange[] {
  return ranges.filter((range) => {
    const { cidr: whole } = range;
    if (isBlockOf(range, cidr)) return true;
    if (whole.family !== cidr.family) return false;
    const same = whole.base === cidr.base && whole.prefix === cidr.prefix;
    return same || (nodeSliceSize !== undefined && contains(whole, { family: cidr.family, value: cidr.base }));
  });
}

/** Settings of the networks that explain what would otherwise be a finding. */
function configuredBy(networks: readonly Network[]): ConfiguredFacts {
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

/** Whether every network of a pool reserves its addresses. False when no network is known for it. */
export function reservesBy(networks: readonly Network[]): (key: PoolKey) => boolean {
  return (key) => {
    const users = usersOf(networks, key);
    return users.length > 0 && users.every(({ network }) => network.config.overlapping);
  };
}

/** The settings of the networks that a sweep needs. */
export function networkRules(networks: readonly Network[], faults: readonly Fault[] = []): Required<NetworkRules> {
  const findings = networkFindings(networks, faults);
  return {
    configured: configuredBy(networks),
    networkFindings: () => findings,
    reserves: reservesBy(networks),
    verifiesStatus: (key) => usersOf(networks, key).every(({ network }) => network.config.verifyNetworkStatus),
    wholeRange: (key) => wholeRangeOf(usersOf(networks, key)),
    persistent: () =>
      networks.filter(({ config }) => outlivesPods(config) || isDivided(config))
        .map(({ attachment: { namespace, name }, config }) => ({
          network: `${namespace}/${name}`,
          pools: poolsOf(config),
          ...(isDivided(config) && { divided: true }),
        })),
    poolsInUse: () =>
      networks.filter(({ config }) => config.nodeSliceSize === undefined)
        .flatMap(({ config }) => poolsOf({ ...config, ranges: config.ranges.filter(({ blocks }) => !blocks) })),
  };
}

/** Findings about the networks themselves: invalid definitions, and networks that disagree on reservations, or on the reuse of addresses. */
/**
 * The range whose addresses exclude each other on one interface: the largest one of the users of which no user has another range in it, since
 * an interface has an address of each range of its network.
 */
function wholeRangeOf(users: readonly PoolUser[]): Cidr | undefined {
  const ranges = users.map(({ range }) => range.cidr).toSorted((a, b) => a.prefix - b.prefix);
  const isAlone = (cidr: Cidr) =>
    users.every(({ network }) => network.config.ranges.filter((range) => overlap(range.cidr, cidr)).length === 1);
  return ranges.find(isAlone) ?? ranges.at(-1);
}

function networkFindings(networks: readonly Network[], faults: readonly Fault[]): Finding[] {
  type Kind = "unusable-network" | "overlapping-ranges-off" | "reuse-settings-differ" | "block-layouts-differ";
  const found = (kind: Kind, pool: string, message: string): Finding => ({
    ...NO_OWNER,
    kind,
    subject: "network",
    pool,
    message,
  });
  return [
    ...faults.map(({ attachment: { namespace, name }, error }) => {
      const why = messageOf(error);
      const edit = `kubectl -n ${namespace} edit network-attachment-definition ${name}`;
      return found("unusable-network", `${namespace}/${name}`, `${why}; correct it: ${edit}`);
    }),
    ...findOverlapProblems(networks).map(({ attachment: { namespace, name }, message }) =>
      found("overlapping-ranges-off", `${namespace}/${name}`, message)
    ),
    ...findReuseProblems(networks).map(({ attachment: { namespace, name }, message }) =>
      found("reuse-settings-differ", `${namespace}/${name}`, message)
    ),
    ...findLayoutProblems(networks).map(({ attachment: { namespace, name }, message }) =>
      found("block-layouts-differ", `${namespace}/${name}`, message)
    ),
  ];
}
