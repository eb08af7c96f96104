/**
 * How a network's configuration is loaded.
 *
 * @module
 */
import type { World } from "../world/world.ts";
import { describe, type Document, isObject, lookup, readDocument, type Warn } from "./document.ts";
import { type ConfigLayer, FLAT_FILES, readFlatFile, readNamedFile } from "./files.ts";
import type { Asked } from "./asked.ts";
import { isEmpty, mergeDocuments } from "./merge.ts";
import { namesStore } from "./datastore.ts";
import { type Circumstances, isForAllocation, resolveConfig } from "./resolve.ts";
import { IGNORED_FIELDS, IPAM_FIELDS, PLUGIN } from "./schema.ts";
import { ConfigError, type Loaded, NoStoreError, type Purpose } from "./types.ts";

/** The object of a network configuration that is ours. */
const INLINE = "ipam";

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
  /** The flat file as {@linkcode readFlatFile} read it, for many networks. Absent: it is searched. */
  readonly below?: readonly ConfigLayer[];
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
  const inline = inlineObject(conf);
  const layers = await readLayers(world, readDocument(inline, IPAM_FIELDS, INLINE, warn), input, warn);
  const document = layers.map((layer) => layer.document).reduce(mergeDocuments);
  const { purpose = "allocate" } = input;
  const defaultStore = !namesStore(document);
  if (defaultStore && input.pod && purpose === "allocate") throw noStore(layers, input);
  const network = lookup(conf, "name");
  const version = lookup(conf, "cniVersion");
  const around: Circumstances = {
    network: typeof network === "string" ? network : "",
    cniVersion: typeof version === "string" && version !== "" ? version : "0.1.0",
    purpose,
    inline,
    ...await askedFor(conf, input),
  };
  try {
    const config = await resolveConfig(document, INLINE, around, warn);
    const notes = notesOn(document, layers[0].document, purpose);
    return { config, warnings: [...warnings], notes, defaultStore };
  } catch (error) {
    throw error instanceof ConfigError ? withSource(error, layers) : error;
  }
}

/** The places that were searched, for whoever has to put a store there. */
function noStore(layers: readonly ConfigLayer[], { extraPaths = [] }: LoadInput): NoStoreError {
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

function notesOn(document: Document, inline: Document, purpose: Purpose): string[] {
  const ignored = IGNORED_FIELDS.filter((key) => key in document);
  const notes = ignored.map((key) => `${INLINE}.${key} is ignored: this release takes no lease`);
  if (purpose === "inspect" && inline.configuration_path !== undefined) {
    notes.push(`${INLINE}.configuration_path is ignored: only the plugin opens files of the node`);
  }
  return notes;
}

/** What comes with the request. Most ask for nothing, and what asks for nothing new needs no answer. */
async function askedFor(
  conf: Record<string, unknown>,
  { ip, gateway, purpose = "allocate" }: LoadInput,
): Promise<Asked> {
  const nothing = [conf.args, conf.runtimeConfig, ip, gateway].every((one) => one === undefined);
  return nothing || !isForAllocation(purpose)
    ? { requested: [], gateways: [] }
    : (await import("./asked.ts")).readAsked(conf, ip, gateway);
}

/** Says which file a bad value is from, where it is not the inline configuration's. */
function withSource(error: ConfigError, layers: readonly ConfigLayer[]): ConfigError {
  const [root, key = ""] = error.field.split(/[.[]/);
  const layer = layers.find(({ document }) => !isEmpty(document[key]));
  if (root !== INLINE || !layer || layer.source === INLINE) return error;
  return new ConfigError(error.field, `${error.message}; the value is from ${layer.source}`, { cause: error.cause });
}

function inlineObject(conf: Record<string, unknown>): Record<string, unknown> {
  const ipam = lookup(conf, INLINE);
  if (ipam === undefined || ipam === null) {
    throw new NotWhereaboutsError(
      INLINE,
      'Missing ipam: the network configuration needs an object with "type": "whereabouts"',
    );
  }
  if (!isObject(ipam)) {
    throw new ConfigError(INLINE, `Cannot read ${INLINE}: found ${describe(ipam)}, wanted an object`);
  }
  const type = lookup(ipam, "type");
  if (type === PLUGIN) return ipam;
  throw new NotWhereaboutsError("ipam.type", `Cannot serve ipam.type: found ${describe(type)}, wanted "${PLUGIN}"`);
}

/** The inline configuration over the file that it names over the flat file. A process outside the node opens no file that a network names. */
async function readLayers(
  world: World,
  inline: Document,
  { extraPaths = [], purpose, below }: LoadInput,
  warn: Warn,
): Promise<[ConfigLayer, ...ConfigLayer[]]> {
  const named = purpose === "inspect" ? [] : await readNamedFile(world, inline, warn);
  const flat = below ?? await readFlatFile(world, { extraPaths }, warn);
  const others = flat.filter(({ source }) => source !== named[0]?.source);
  return [{ source: INLINE, document: inline }, ...named, ...others];
}
