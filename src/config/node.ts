/**
 * What this node is called.
 *
 * @module
 */
import type { World } from "../world/world.ts";
import { FLAT_FILES } from "./files.ts";
import { ConfigError, type IpamConfig } from "./types.ts";

/** The folder of the `nodename` file that the installer writes, unless `configuration_path` names another. */
const FOLDER = "/etc/cni/net.d/whereabouts.d";

/**
 * The node's name: `NODENAME`, else the file `nodename` beside the configuration, else the host's name.
 *
 * @throws {ConfigError} none of them gives one
 */
export async function nodeName(world: World, config: Pick<IpamConfig, "configurationPath">): Promise<string> {
  const name = await configuredNodeName(world, config) || await readName(world, "/etc/hostname");
  if (name) return name;
  throw new ConfigError(
    "NODENAME",
    `Cannot tell this node's name: NODENAME is not set, and neither ${await folderOf(world, config)}/nodename nor ` +
      "/etc/hostname says",
  );
}

/**
 * The node's name as the installation gives it: `NODENAME`, else the file `nodename`. Undefined without either: a host's name need not be
 * the name of its Node object, so it is no evidence of anything.
 */
export async function configuredNodeName(
  world: World,
  config: Pick<IpamConfig, "configurationPath">,
): Promise<string | undefined> {
  return world.env("NODENAME")?.trim() || await readName(world, `${await folderOf(world, config)}/nodename`) ||
    undefined;
}

/**
 * Whether an installation in a cluster left its files here, beside a flat file that may be missing: what a call without a pod's name can know
 * of the cluster.
 */
export async function isClusterNode(world: World): Promise<boolean> {
  for (const path of FLAT_FILES) {
    const own = path.slice(0, path.lastIndexOf("/"));
    if (await world.exists(`${own}/nodename`) || await world.exists(`${own}/whereabouts.kubeconfig`)) return true;
  }
  return false;
}

async function folderOf(world: World, { configurationPath = FOLDER }: Pick<IpamConfig, "configurationPath">) {
  return await world.isDirectory(configurationPath) ? configurationPath : configurationPath.replace(/\/[^/]*$/, "");
}

function readName(world: World, path: string): Promise<string> {
  return world.readTextFile(path, "configuration").then((text) => text.trim(), () => "");
}
