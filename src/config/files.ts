/**
 * Reads the configuration files of a node.
 *
 * @module
 */
import { CNI_FOLDER, FLAT_FILE, OWN_FOLDER } from "../paths.ts";
import { isObject, parseJson } from "../values/json.ts";
import type { World } from "../world/world.ts";
import { type Document, mergeDocuments, quote, readDocument, text, type Warn } from "./document.ts";
import { IPAM_FIELDS } from "./schema.ts";
import { ConfigError } from "./types.ts";

/**
 * The paths of the flat file, in the order of the search: first those of the original, then those below the CNI folders of k3s, RKE2 and
 * MicroK8s.
 */
export const FLAT_FILES: readonly string[] = [
  "/etc/kubernetes/cni/net.d",
  CNI_FOLDER,
  "/host/etc/cni/net.d",
  "/var/lib/rancher/k3s/agent/etc/cni/net.d",
  "/var/lib/rancher/rke2/agent/etc/cni/net.d",
  "/var/snap/microk8s/current/args/cni-network",
].map((folder) => `${folder}/${OWN_FOLDER}/${FLAT_FILE}`);

/** A document and its source. */
export interface ConfigLayer {
  /** `ipam`, or the file's path. */
  readonly source: string;
  /** Its fields. */
  readonly document: Document;
}

/**
 * Reads the flat file: `named`, else the first existing one of {@linkcode FLAT_FILES} and `extraPaths`.
 *
 * @returns one layer, or an empty list if no file exists
 * @throws {ConfigError} the file exists and cannot be read, or `named` is missing
 *
 * @example
 * ```ts
 * import { denoWorld, readFlatFile } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * const path = await Deno.makeTempFile();
 * await Deno.writeTextFile(path, JSON.stringify({ log_level: "info" }));
 * const layers = await readFlatFile(denoWorld(), { extraPaths: [path] }, console.warn);
 * assert.equal(layers.length, 1); // of the node, if it has a flat file; else of the extra path
 * ```
 */
export async function readFlatFile(
  world: World,
  { named, extraPaths = [] }: { readonly named?: string | undefined; readonly extraPaths?: readonly string[] },
  warn: (warning: string) => void = () => {},
): Promise<readonly ConfigLayer[]> {
  const path = named ?? await firstExisting(world, [...FLAT_FILES, ...extraPaths]);
  return path === undefined ? [] : [await readLayer(world, path, warn)];
}

/**
 * Reads the file of `configuration_path`. If that is a folder, reads the flat file in it, which may be missing.
 *
 * @returns one layer, or an empty list if there is no file to read
 * @throws {ConfigError} the path is missing, or the file cannot be read
 */
export async function readNamedFile(world: World, inline: Document, warn: Warn): Promise<readonly ConfigLayer[]> {
  const path = text(inline, "configuration_path");
  if (path === undefined) return [];
  if (await world.isDirectory(path)) {
    const inside = await firstExisting(world, [`${path.replace(/(?<!\/)\/+$/, "")}/${FLAT_FILE}`]);
    return inside === undefined ? [] : [await readLayer(world, inside, warn)];
  }
  if (await world.exists(path)) return [await readLayer(world, path, warn)];
  throw new ConfigError(
    "ipam.configuration_path",
    `Cannot read ipam.configuration_path ${quote(path)}: file not found; create it or remove the field`,
  );
}

async function firstExisting(world: World, paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    if (await world.exists(path)) return path;
  }
}

async function readLayer(world: World, path: string, warn: Warn): Promise<ConfigLayer> {
  const content = await world.readTextFile(path, "configuration").catch((cause) => {
    throw failure("read", path, cause);
  });
  return { source: path, document: parseFlatFile(content, path, warn) };
}

/**
 * Parses a configuration file: the fields of `ipam`, or a whole network configuration.
 *
 * @param source path of the file, for messages
 * @throws {ConfigError} it is not JSON, or a field has the wrong type
 */
export function parseFlatFile(content: string, source: string, warn: Warn): Document {
  let value: unknown;
  try {
    value = parseJson(content);
  } catch (cause) {
    throw failure("parse", source, cause);
  }
  const ipam = isObject(value) ? value.ipam : undefined;
  if (!isObject(ipam)) return readDocument(value, IPAM_FIELDS, source, warn);
  warn(`${source} is a whole network configuration: fields missing at its top level are taken from its ipam object`);
  const top = readDocument(value, IPAM_FIELDS, source, () => {});
  return mergeDocuments(top, readDocument(ipam, IPAM_FIELDS, `${source}.ipam`, warn));
}

function failure(verb: string, path: string, cause: unknown): ConfigError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ConfigError(path, `Cannot ${verb} the configuration file ${quote(path)}: ${reason}`, { cause });
}
