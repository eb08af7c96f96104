/**
 * What this node is called.
 *
 * @module
 */
import type { World } from "../world/world.ts";
import { ConfigError, type IpamConfig } from "./types.ts";

/** The folder of the `nodename` file that the installer writes, unless `configuration_path` names another. */
const FOLDER = "/etc/cni/net.d/whereabouts.d";

/**
 * The node's name: `NODENAME`, else the file `nodename` beside the configuration, else the host's name.
 *
 * @throws {ConfigError} none of them says
 */
export async function nodeName(
  world: World,
  { configurationPath = FOLDER }: Pick<IpamConfig, "configurationPath">,
): Promise<string> {
  const folder = await world.isDirectory(configurationPath)
    ? configurationPath
    : configurationPath.replace(/\/[^/]*$/, "");
  const read = (path: string) => world.readTextFile(path).then((text) => text.trim(), () => "");
  const name = world.env("NODENAME")?.trim() || await read(`${folder}/nodename`) || await read("/etc/hostname");
  if (name) return name;
  throw new ConfigError(
    "NODENAME",
    `Cannot tell this node's name: NODENAME is not set, and neither ${folder}/nodename nor /etc/hostname says`,
  );
}
