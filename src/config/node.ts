/**
 * The name of this node.
 *
 * @module
 */
import { CNI_FOLDER, KUBECONFIG_FILE, NODE_NAME_FILE, OWN_FOLDER } from "../paths.ts";
import type { World } from "../world/world.ts";
import { FLAT_FILES } from "./files.ts";
import { ConfigError, type IpamConfig } from "./types.ts";

/** The default folder of the `nodename` file, which the installer writes. `configuration_path` may name another. */
const FOLDER = `${CNI_FOLDER}/${OWN_FOLDER}`;

/**
 * The node's name: `NODENAME`, else the file `nodename` beside the configuration, else the host's name.
 *
 * @throws {ConfigError} all of them are missing or empty
 */
export async function nodeName(world: World, config: Pick<IpamConfig, "configurationPath">): Promise<string> {
  const name = await configuredNodeName(world, config) || await readName(world, "/etc/hostname");
  if (name) return name;
  throw new ConfigError(
    "NODENAME",
    `Cannot determine this node's name: NODENAME is not set, and neither ${await folderOf(
      world,
      config,
    )}/${NODE_NAME_FILE} nor ` +
      "/etc/hostname contains it",
  );
}

/**
 * The node's name as the installation sets it: `NODENAME`, else the file `nodename`. Undefined without either: the host's name may differ from
 * that of the Node object, so it is not evidence.
 */
export async function configuredNodeName(
  world: World,
  config: Pick<IpamConfig, "configurationPath">,
): Promise<string | undefined> {
  return world.env("NODENAME")?.trim() || await readName(world, `${await folderOf(world, config)}/${NODE_NAME_FILE}`) ||
    undefined;
}

/**
 * Whether this node has the files of an installation in a cluster, even if the flat file is missing. A call without a pod name has no other
 * indication of a cluster.
 */
export async function isClusterNode(world: World): Promise<boolean> {
  for (const path of FLAT_FILES) {
    const folder = path.slice(0, path.lastIndexOf("/"));
    if (await world.exists(`${folder}/${NODE_NAME_FILE}`) || await world.exists(`${folder}/${KUBECONFIG_FILE}`)) {
      return true;
    }
  }
  return false;
}

async function folderOf(world: World, { configurationPath = FOLDER }: Pick<IpamConfig, "configurationPath">) {
  return await world.isDirectory(configurationPath) ? configurationPath : configurationPath.replace(/\/[^/]*$/, "");
}

function readName(world: World, path: string): Promise<string> {
  return world.readTextFile(path, "configuration").then((text) => text.trim(), () => "");
}
