/**
 * The only reader of configuration files.
 *
 * @module
 */
import { parseJson } from "../world/json.ts";
import type { World } from "../world/world.ts";
import { describe, type Document, isObject, lookup, quote, readDocument, text, type Warn } from "./document.ts";
import type { Asked } from "./asked.ts";
import { isEmpty, mergeDocuments } from "./merge.ts";
import { namesStore } from "./datastore.ts";
import { type Circumstances, resolveConfig } from "./resolve.ts";
import { IGNORED_FIELDS, IPAM_FIELDS, PLUGIN } from "./schema.ts";
import { ConfigError, type Loaded, NoStoreError, type Purpose } from "./types.ts";

/** The object of a network configuration that is ours. */
const INLINE = "ipam";

/** Where the flat file is looked for, first one first. */
export const FLAT_FILES = [
  "/etc/kubernetes/cni/net.d/whereabouts.d/whereabouts.conf",
  "/etc/cni/net.d/whereabouts.d/whereabouts.conf",
  "/host/etc/cni/net.d/whereabouts.d/whereabouts.conf",
] as const;

/** The name of the flat file in a folder that `configuration_path` names. */
const FLAT_FILE_NAME = "whereabouts.conf";

/** What a configuration is loaded from. */
export interface LoadInput {
  /** The CNI network configuration, decoded. */
  readonly conf: unknown;
  /** `IP` of CNI_ARGS: comma-separated addresses. */
  readonly ip?: string;
  /** `GATEWAY` of CNI_ARGS: comma-separated addresses. */
  readonly gateway?: string;
  /** Further places of the flat file, searched last. */
  readonly extraPaths?: readonly string[];
  /** What for. Default `allocate`. */
  readonly purpose?: Purpose;
  /** Whether the call names a pod of Kubernetes: `allocate` then needs a configured store. Default false. */
  readonly pod?: boolean;
}

/** The network's IPAM is another plugin's, or it has none. Controllers skip such networks. */
export class NotWhereaboutsError extends ConfigError {
  /** The class, for logs. */
  override name = "NotWhereaboutsError";
}

/** A document and where it is from. */
interface Layer {
  /** `ipam`, or the file's path. */
  readonly source: string;
  readonly document: Document;
}

/** Warnings of one configuration, at most: a hostile one has thousands of mistakes. */
const MOST_WARNINGS = 100;

/**
 * Loads the configuration of one network: inline over the file that `configuration_path` names over the flat file.
 *
 * @throws {NotWhereaboutsError} no `ipam`, or one of another type
 * @throws {NoStoreError} a pod of Kubernetes wants an address, and no store is configured
 * @throws {ConfigError} the field that cannot be used is named
 */
export async function loadConfig(world: World, input: LoadInput): Promise<Loaded> {
  const warnings = new Set<string>();
  const warn = (warning: string) => void (warnings.size < MOST_WARNINGS && warnings.add(warning));
  const conf = isObject(input.conf) ? input.conf : {};
  const layers = await readLayers(world, inlineDocument(conf, warn), input.extraPaths ?? [], warn);
  const document = layers.map((layer) => layer.document).reduce(mergeDocuments);
  const defaultStore = !namesStore(document);
  if (defaultStore && input.pod && (input.purpose ?? "allocate") === "allocate") throw noStore(layers, input);
  const network = lookup(conf, "name");
  const version = lookup(conf, "cniVersion");
  const around: Circumstances = {
    network: typeof network === "string" ? network : "",
    cniVersion: typeof version === "string" && version !== "" ? version : "0.1.0",
    ...await askedFor(conf, input),
  };
  try {
    const config = await resolveConfig(document, INLINE, around, warn);
    const ignored = IGNORED_FIELDS.filter((key) => key in document);
    const notes = ignored.map((key) => `${INLINE}.${key} is ignored: this release takes no lease`);
    return { config, warnings: [...warnings], notes, defaultStore };
  } catch (error) {
    throw error instanceof ConfigError ? withSource(error, layers) : error;
  }
}

/** The places that were searched, for whoever has to put a store there. */
function noStore(layers: readonly Layer[], { extraPaths = [] }: LoadInput): NoStoreError {
  const searched = [...FLAT_FILES, ...extraPaths];
  const read = layers.slice(1).map(({ source }) => source);
  return new NoStoreError(
    `${INLINE}.datastore`,
    `No store is configured for pods of Kubernetes: ${INLINE}.kubernetes.kubeconfig, ${INLINE}.etcd_host and ${INLINE}.datastore are not set ` +
      `in the network${read.length > 0 ? `, nor in ${read.join(" and ")}` : ""}; the flat file was searched at ${
        searched.join(", ")
      }; ` +
      `restore it (the DaemonSet writes it), or write "datastore": "embedded" for addresses that are unique on this node only`,
  );
}

/** What comes with the request. Most ask for nothing. */
async function askedFor(conf: Record<string, unknown>, { ip, gateway }: LoadInput): Promise<Asked> {
  const nothing = [conf.args, conf.runtimeConfig, ip, gateway].every((one) => one === undefined);
  return nothing ? { requested: [], gateways: [] } : (await import("./asked.ts")).readAsked(conf, ip, gateway);
}

/** Says which file a bad value is from, where it is not the inline configuration's. */
function withSource(error: ConfigError, layers: readonly Layer[]): ConfigError {
  const [root, key = ""] = error.field.split(/[.[]/);
  const layer = layers.find(({ document }) => !isEmpty(document[key]));
  if (root !== INLINE || !layer || layer.source === INLINE) return error;
  return new ConfigError(error.field, `${error.message}; the value is from ${layer.source}`, { cause: error.cause });
}

function inlineDocument(conf: Record<string, unknown>, warn: Warn): Document {
  const ipam = lookup(conf, INLINE);
  if (ipam === undefined || ipam === null) {
    throw new NotWhereaboutsError(
      INLINE,
      'Missing ipam: the network configuration needs an object with "type": "whereabouts"',
    );
  }
  const type = isObject(ipam) ? lookup(ipam, "type") : PLUGIN;
  if (type !== PLUGIN) {
    throw new NotWhereaboutsError("ipam.type", `Cannot serve ipam.type: found ${describe(type)}, wanted "${PLUGIN}"`);
  }
  return readDocument(ipam, IPAM_FIELDS, INLINE, warn);
}

async function readLayers(
  world: World,
  inline: Document,
  extraPaths: readonly string[],
  warn: Warn,
): Promise<[Layer, ...Layer[]]> {
  const named = await namedFile(world, text(inline, "configuration_path"));
  const flat = await firstExisting(world, [...FLAT_FILES, ...extraPaths]);
  const layers: [Layer, ...Layer[]] = [{ source: INLINE, document: inline }];
  for (const path of new Set([named, flat])) {
    if (path !== undefined) layers.push({ source: path, document: await readFile(world, path, warn) });
  }
  return layers;
}

/** The file that `configuration_path` names; a folder there may have one under the flat file's name. */
async function namedFile(world: World, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  if (await world.isDirectory(path)) {
    return await firstExisting(world, [`${path.replace(/\/+$/, "")}/${FLAT_FILE_NAME}`]);
  }
  if (await world.exists(path)) return path;
  throw new ConfigError(
    "ipam.configuration_path",
    `Cannot read ipam.configuration_path ${quote(path)}: there is no such file; create it or remove the field`,
  );
}

async function firstExisting(world: World, paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    if (await world.exists(path)) return path;
  }
}

async function readFile(world: World, path: string, warn: Warn): Promise<Document> {
  const fail = (what: string, cause: unknown): never => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(path, `Cannot ${what} the configuration file ${quote(path)}: ${reason}`, { cause });
  };
  const content = await world.readTextFile(path, "configuration").catch((error) => fail("read", error));
  let value: unknown;
  try {
    value = parseJson(content);
  } catch (error) {
    fail("parse", error);
  }
  const ipam = isObject(value) ? value.ipam : undefined;
  if (!isObject(ipam)) return readDocument(value, IPAM_FIELDS, path, warn);
  warn(`${path} is a whole network configuration: what its ipam object says fills what is not at the top`);
  const top = readDocument(value, IPAM_FIELDS, path, () => {});
  return mergeDocuments(top, readDocument(ipam, IPAM_FIELDS, `${path}.ipam`, warn));
}
