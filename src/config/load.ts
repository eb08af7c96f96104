/**
 * The only reader of configuration files.
 *
 * @module
 */
import type { World } from "../world/world.ts";
import { type Document, isObject, list, readDocument, text, type Warn } from "./document.ts";
import type { Wanted } from "./extras.ts";
import { mergeDocuments } from "./merge.ts";
import { resolveConfig } from "./resolve.ts";
import { IPAM_FIELDS } from "./schema.ts";
import { ConfigError, type Loaded } from "./types.ts";

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
}

/** The network's IPAM is another plugin's, or it has none. Controllers skip such networks. */
export class NotWhereaboutsError extends ConfigError {
  /** The class, for logs. */
  override name = "NotWhereaboutsError";
}

/**
 * Loads the configuration of one network: inline over the file that `configuration_path` names over the flat file.
 *
 * @throws {NotWhereaboutsError} no `ipam`, or one of another type
 * @throws {ConfigError} the field that cannot be used is named
 */
export async function loadConfig(world: World, input: LoadInput): Promise<Loaded> {
  const warnings: string[] = [];
  const warn = (warning: string) => void (warnings.includes(warning) || warnings.push(warning));
  const conf = isObject(input.conf) ? input.conf : {};
  const inline = inlineDocument(conf, warn);
  const named = await namedFile(world, text(inline, "configuration_path"), warn);
  const flat = await flatFile(world, input.extraPaths ?? [], warn);
  const document = mergeDocuments(mergeDocuments(inline, named), flat);
  const config = resolveConfig(document, "ipam", {
    network: typeof conf.name === "string" ? conf.name : "",
    cniVersion: typeof conf.cniVersion === "string" && conf.cniVersion !== "" ? conf.cniVersion : "0.1.0",
    requested: requestedAddresses(conf, input.ip),
    gateways: split("CNI_ARGS GATEWAY", input.gateway),
  }, warn);
  return { config, warnings };
}

function inlineDocument(conf: Record<string, unknown>, warn: Warn): Document {
  const { ipam } = conf;
  if (ipam === undefined || ipam === null) {
    throw new NotWhereaboutsError(
      "ipam",
      'Missing ipam: the network configuration needs an object with "type": "whereabouts"',
    );
  }
  if (isObject(ipam) && ipam.type !== "whereabouts") {
    throw new NotWhereaboutsError(
      "ipam.type",
      `Cannot serve ipam.type ${JSON.stringify(ipam.type)}: wanted "whereabouts"`,
    );
  }
  return readDocument(ipam, IPAM_FIELDS, "ipam", warn);
}

/** The file that `configuration_path` names; a folder there may have one under the flat file's name. */
async function namedFile(world: World, path: string | undefined, warn: Warn): Promise<Document> {
  if (path === undefined) return {};
  if (await world.isDirectory(path)) {
    const inside = `${path.replace(/\/+$/, "")}/${FLAT_FILE_NAME}`;
    return await world.exists(inside) ? await readFile(world, inside, warn) : {};
  }
  if (await world.exists(path)) return await readFile(world, path, warn);
  throw new ConfigError(
    "ipam.configuration_path",
    `Cannot read ipam.configuration_path ${JSON.stringify(path)}: there is no such file; create it or remove the field`,
  );
}

async function flatFile(world: World, extraPaths: readonly string[], warn: Warn): Promise<Document> {
  for (const path of [...FLAT_FILES, ...extraPaths]) {
    if (await world.exists(path)) return await readFile(world, path, warn);
  }
  return {};
}

async function readFile(world: World, path: string, warn: Warn): Promise<Document> {
  const fail = (what: string, cause: unknown): never => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(path, `Cannot ${what} the configuration file ${JSON.stringify(path)}: ${reason}`, { cause });
  };
  const content = await world.readTextFile(path).catch((error) => fail("read", error));
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (error) {
    fail("parse", error);
  }
  const inner = isObject(value) && isObject(value.ipam) ? value.ipam : value;
  return readDocument(inner, IPAM_FIELDS, path, warn);
}

function requestedAddresses(conf: Record<string, unknown>, ip: string | undefined): Wanted[] {
  const args = isObject(conf.args) && isObject(conf.args.cni) ? conf.args.cni : {};
  const runtime = isObject(conf.runtimeConfig) ? conf.runtimeConfig : {};
  return [
    ...split("CNI_ARGS IP", ip),
    ...wantedOf("args.cni.ips", args),
    ...wantedOf("runtimeConfig.ips", runtime),
  ];
}

function wantedOf(field: string, holder: Record<string, unknown>): Wanted[] {
  if (holder.ips === undefined || holder.ips === null) return [];
  const read = readDocument({ ips: holder.ips }, { ips: "strings" }, field.slice(0, -".ips".length), () => {});
  return list(read, "ips").map((value) => ({ field, value: String(value) }));
}

function split(field: string, value: string | undefined): Wanted[] {
  return (value ?? "").split(",").map((part) => part.trim()).filter((part) => part !== "").map((part) => ({
    field,
    value: part,
  }));
}
