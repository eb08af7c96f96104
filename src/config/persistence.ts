/**
 * The settings by which a network reads pods: who keeps an address, and which address a pod prefers.
 *
 * @module
 */
import { isObject } from "../values/json.ts";
import { type Document, lookup, quote, text } from "./document.ts";
import { ConfigError, type Datastore, type IpamConfig } from "./types.ts";

/** The settings. Absent members are off. */
type Persistence = Pick<IpamConfig, "persistentIps" | "sticky" | "preferredIp">;

/** Whether an address of the network may outlive its pod. */
export function outlivesPods({ persistentIps, sticky }: Persistence): boolean {
  return Boolean(persistentIps || sticky);
}

/**
 * Reads the settings.
 *
 * @param strict whether the rules for new allocations apply
 * @throws {ConfigError} an unknown value; under the strict rules also a store without pods, or node slices
 */
export function parsePersistence(
  document: Document,
  path: string,
  { kind }: Pick<Datastore, "kind">,
  strict: boolean,
): Persistence {
  const claims = ["allow_persistent_ips", "allowPersistentIPs"].find((key) => document[key] === true);
  const sticky = parseSticky(document, path);
  const keeping = claims ?? (sticky && "sticky");
  const reading = keeping ?? (document.preferred_ip === true ? "preferred_ip" : undefined);
  if (strict && reading && kind !== "kubernetes") {
    const field = `${path}.${reading}`;
    throw new ConfigError(
      field,
      `Cannot use ${field}: the store is ${kind}, expected kubernetes, whose API server has the pods; remove it, or name a kubeconfig`,
    );
  }
  if (strict && keeping && document.node_slice_size !== undefined) {
    const field = `${path}.${keeping}`;
    throw new ConfigError(
      field,
      `Cannot use ${field} with ${path}.node_slice_size: a kept address moves between nodes, and a slice belongs to one; remove one of them`,
    );
  }
  return {
    ...(claims !== undefined && { persistentIps: true }),
    ...(sticky && { sticky }),
    ...(document.preferred_ip === true && { preferredIp: true }),
  };
}

/**
 * A sentence if a definition allows persistent addresses only at its top level, where KubeVirt's IPAM extensions read it: they then create
 * claims that keep no address.
 *
 * @param definition the decoded document of a definition: one plugin, or a list of plugins
 */
export function unreadPersistence(definition: unknown, { persistentIps }: Pick<IpamConfig, "persistentIps">): string[] {
  if (persistentIps || !isObject(definition) || lookup(definition, "allowPersistentIPs") !== true) return [];
  return [
    "allowPersistentIPs has no effect outside of ipam: claims keep no addresses; set ipam.allow_persistent_ips too",
  ];
}

function parseSticky(document: Document, path: string): Persistence["sticky"] {
  const sticky = text(document, "sticky");
  if (sticky === undefined || sticky === "statefulset") return sticky;
  throw new ConfigError(`${path}.sticky`, `Cannot use ${path}.sticky ${quote(sticky)}: expected "statefulset"`);
}
