/**
 * Loads the configuration of a network.
 *
 * @module
 */
import type { World } from "../world/world.ts";
import { isObject } from "../values/json.ts";
import { describe, type Document, isEmpty, lookup, mergeDocuments, readDocument, text, type Warn } from "./document.ts";
import { type ConfigLayer, FLAT_FILES, readFlatFile, readNamedFile } from "./files.ts";
import { defaultStoreWarning, namesStore } from "./datastore.ts";
import { readRequested, type RequestedAddresses } from "./requested.ts";
import { type Confined, isForAllocation, resolveConfig, type ResolveOptions } from "./resolve.ts";
import { IGNORED_FIELDS, IPAM_FIELDS, PLUGIN } from "./schema.ts";
import {
  checkStores,
  type PathPurpose,
  PathRules,
  storePaths,
  withoutForbiddenLog,
  withoutForeignLogins,
  withoutOperatorFields,
} from "./trust.ts";
import { ConfigError, type Loaded, NoStoreError, type Purpose } from "./types.ts";

/** The key of the `ipam` object in a network configuration. */
const INLINE = "ipam";

/** The sources and the purpose of a configuration. */
export interface LoadInput {
  /** The CNI network configuration, decoded. */
  readonly conf: unknown;
  /** `IP` of CNI_ARGS: comma-separated addresses. */
  readonly ip?: string;
  /** `GATEWAY` of CNI_ARGS: comma-separated addresses. */
  readonly gateway?: string;
  /** Further paths of the flat file, searched last. */
  readonly extraPaths?: readonly string[];
  /** The result of {@linkcode readFlatFile}, so that many networks share one read. Absent: the flat file is searched. */
  readonly below?: readonly ConfigLayer[];
  /** The purpose. Default `allocate`. */
  readonly purpose?: Purpose;
  /** Whether the call names a pod of Kubernetes: `allocate` then needs a configured store. Default false. */
  readonly pod?: boolean;
  /**
   * The author of `conf`. A tenant, such as the author of a NetworkAttachmentDefinition, may name files only below the folders of their purpose.
   * Default: the operator for the purpose `store`, else a tenant.
   */
  readonly author?: "operator" | "tenant";
}

/** The network has no IPAM, or uses another IPAM plugin. Controllers skip such networks. */
export class NotWhereaboutsError extends ConfigError {
  /** The class, for logs. */
  override name = "NotWhereaboutsError";
}

/** The maximum number of warnings of one configuration: a hostile one has thousands of mistakes. */
const MAX_WARNINGS = 100;

/**
 * Loads the configuration of one network. Precedence: the inline configuration, the file of `configuration_path`, the flat file.
 *
 * @throws {NotWhereaboutsError} no `ipam`, or one of another type
 * @throws {NoStoreError} a pod of Kubernetes needs an address, and no store is configured
 * @throws {ForbiddenPathError | ForbiddenStoreError} a tenant names a file or a store that the operator does not allow
 * @throws {ConfigError} a field is invalid; the error names it
 *
 * @example
 * ```ts
 * import { denoWorld, loadConfig } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * const ipam = { type: "whereabouts", datastore: "embedded", range: "10.0.0.0/24", gateway: "10.0.0.1" };
 * const { config } = await loadConfig(denoWorld(), { conf: { name: "lab", ipam } });
 * assert.equal(config.ranges.length, 1);
 *
 * const wrong = { name: "lab", ipam: { ...ipam, range: "10.0.0.0/33" } };
 * await assert.rejects(loadConfig(denoWorld(), { conf: wrong }), /range/);
 * ```
 */
export async function loadConfig(world: World, input: LoadInput): Promise<Loaded> {
  const warnings = new Set<string>();
  const warn = (warning: string) => void (warnings.size < MAX_WARNINGS && warnings.add(warning));
  const conf = isObject(input.conf) ? input.conf : {};
  const inline = inlineObject(conf);
  const { layers, confined } = await readLayers(world, readDocument(inline, IPAM_FIELDS, INLINE, warn), input, warn);
  const document = layers.map((layer) => layer.document).reduce(mergeDocuments);
  const { purpose = "allocate" } = input;
  const defaultStore = !namesStore(document);
  if (defaultStore && input.pod && purpose === "allocate") throw noStore(layers, input);
  // a process outside of the node does not know the flat files of the nodes
  if (defaultStore && purpose !== "inspect") warn(defaultStoreWarning(INLINE));
  const network = lookup(conf, "name");
  const version = lookup(conf, "cniVersion");
  const options: ResolveOptions = {
    network: typeof network === "string" ? network : "",
    cniVersion: typeof version === "string" && version !== "" ? version : "0.1.0",
    purpose,
    inline,
    ...requestedBy(conf, input),
  };
  try {
    const config = resolveConfig(document, INLINE, { ...options, confined }, warn);
    const notes = notesOn(document, layers[0].document, purpose);
    return { config, warnings: [...warnings], notes, defaultStore };
  } catch (error) {
    throw error instanceof ConfigError ? withSource(error, layers) : error;
  }
}

/** The error that no store is configured. It lists every place that was searched. */
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

/** The addresses that the call requests. A release ignores them. */
function requestedBy(
  conf: Record<string, unknown>,
  { ip, gateway, purpose = "allocate" }: LoadInput,
): RequestedAddresses {
  return isForAllocation(purpose) ? readRequested(conf, ip, gateway) : { requested: [], gateways: [] };
}

/** Adds the file of the invalid value to the error, unless the value is inline. */
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
    throw new ConfigError(INLINE, `Cannot read ${INLINE}: found ${describe(ipam)}, expected an object`);
  }
  const type = lookup(ipam, "type");
  if (type === PLUGIN) return ipam;
  throw new NotWhereaboutsError("ipam.type", `Cannot serve ipam.type: found ${describe(type)}, expected "${PLUGIN}"`);
}

/** The layers of a configuration. */
interface Layers {
  /** In order of precedence, highest first. */
  readonly layers: readonly [ConfigLayer, ...ConfigLayer[]];
  /** The folders to which the files that a tenant names, and the files that those name, are confined. */
  readonly confined: Confined;
}

/**
 * Reads the layers: the inline configuration, the file that it names, the flat file. A tenant's layers lose the fields that only the operator
 * may set. A process outside of the node opens no file that a network names.
 */
async function readLayers(
  world: World,
  document: Document,
  { extraPaths = [], purpose, below, author = purpose === "store" ? "operator" : "tenant" }: LoadInput,
  warn: Warn,
): Promise<Layers> {
  const flat = below ?? await readFlatFile(world, { extraPaths }, warn);
  const inline: ConfigLayer = { source: INLINE, document };
  if (author === "operator") {
    const named = purpose === "inspect" ? [] : await readNamedFile(world, document, warn);
    return { layers: [inline, ...named, ...flat.filter(({ source }) => source !== named[0]?.source)], confined: {} };
  }
  const rules = new PathRules(world, flat);
  // outside of the node this only warns: the plugin's environment may allow other folders
  const checkPath = async (field: string, path: string, of: PathPurpose) =>
    purpose === "inspect" ? rules.check(field, path, of, warn) : void await rules.resolve(world, field, path, of);
  const path = text(document, "configuration_path");
  if (path !== undefined) await checkPath(`${INLINE}.configuration_path`, path, "configuration");
  const named = purpose === "inspect" ? [] : await readNamedFile(world, document, warn);
  const tenants: ConfigLayer[] = [];
  for (const layer of [inline, ...named.filter(({ source }) => source !== flat[0]?.source)]) {
    tenants.push(await withoutForbiddenLog(withoutOperatorFields(layer, warn), checkPath, warn));
  }
  checkStores(tenants, flat);
  const paths = tenants.flatMap(storePaths);
  for (const one of paths) await checkPath(one.field, one.path, one.purpose);
  const layers = withoutForeignLogins([...tenants, ...flat]) as [ConfigLayer, ...ConfigLayer[]];
  const folders = rules.folders("configuration");
  const names = (key: string) => paths.some(({ field }) => field.includes(`.${key}`));
  return {
    layers,
    confined: {
      ...(names("kubernetes") && { kubernetes: folders }),
      ...(names("etcd_") && { etcd: folders }),
      ...(tenants.some((layer) => text(layer.document, "log_file")) && { log: rules.folders("log") }),
    },
  };
}
