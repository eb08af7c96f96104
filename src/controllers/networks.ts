/**
 * The networks of a cluster, as its NetworkAttachmentDefinitions configure them.
 *
 * @module
 */
import { contains } from "../address/cidr.ts";
import type { IpRange } from "../address/range.ts";
import { networksOf } from "../config/conflist.ts";
import { readFlatFile } from "../config/files.ts";
import { loadConfig } from "../config/load.ts";
import type { IpamConfig } from "../config/types.ts";
import { poolsOf } from "../ipam/ipam.ts";
import type { NetworkRules } from "../ipam/sweep.ts";
import type { PoolKey } from "../pool/types.ts";
import { parseJson } from "../world/json.ts";
import type { World } from "../world/world.ts";
import type { Attachment } from "./cluster.ts";

/** A network of ours, and where it is configured. */
export interface Network {
  /** The definition. */
  readonly attachment: Attachment;
  /** What it says. */
  readonly config: IpamConfig;
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
        const input = { conf: { name: attachment.name, ...conf }, below, purpose: "inspect" as const };
        const { config } = await loadConfig(world, input);
        networks.push({ attachment, config });
      }
    } catch (error) {
      faults.push({ attachment, error });
    }
  }
  return { networks, faults };
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
    const { ranges, nodeSliceSize } = network.config;
    const range = ranges.find(({ cidr: whole }) => {
      if (whole.family !== cidr.family) return false;
      const same = whole.base === cidr.base && whole.prefix === cidr.prefix;
      return same || (nodeSliceSize !== undefined && contains(whole, { family: cidr.family, value: cidr.base }));
    });
    return range ? [{ network, range }] : [];
  });
}

/** Whether every network that may use a pool reserves its addresses. False where no network is known for it. */
export function reservesBy(networks: readonly Network[]): (key: PoolKey) => boolean {
  return (key) => {
    const users = usersOf(networks, key);
    return users.length > 0 && users.every(({ network }) => network.config.overlapping);
  };
}

/** What the networks say of pools, for a sweep. */
export function networkRules(networks: readonly Network[]): Required<NetworkRules> {
  return {
    reserves: reservesBy(networks),
    verifiesStatus: (key) => usersOf(networks, key).every(({ network }) => network.config.verifyNetworkStatus),
    wholeRange: (key) => usersOf(networks, key)[0]?.range.cidr,
    poolsInUse: () =>
      networks.filter(({ config }) => config.nodeSliceSize === undefined)
        .flatMap(({ config }) => poolsOf(config)),
  };
}
