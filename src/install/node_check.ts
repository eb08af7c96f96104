/**
 * What is installed on a node, looked at on the node itself: where the DaemonSet, by way of its mounts, puts things on the host.
 *
 * @module
 */
import { type ConfigLayer, FLAT_FILES, readFlatFile } from "../config/files.ts";
import { configuredNodeName } from "../config/node.ts";
import { DEFAULT_DATABASE } from "../config/schema.ts";
import { messageOf } from "../values/errors.ts";
import type { World } from "../world/world.ts";
import { PLUGIN } from "./files.ts";
import { type Finding, inspectFolder } from "./preflight.ts";

/** Folders of CNI plugins: the usual one, then those of k3s and MicroK8s. */
const BIN_FOLDERS = [
  "/opt/cni/bin",
  "/var/lib/rancher/k3s/data/cni",
  "/var/lib/rancher/k3s/data/current/bin",
  "/var/snap/microk8s/current/opt/cni/bin",
];

const RESTORE = "the DaemonSet whereabouts restores it: see that its pod of this node runs";

/** Folders that are named, instead of the usual ones. */
export interface NodeFolders {
  /** Folder of the CNI plugins. */
  readonly bin?: string | undefined;
  /** Folder of the CNI configurations. */
  readonly conf?: string | undefined;
}

/** What was found, and the kubeconfig that the plugin uses. */
export interface NodeFindings {
  /** Good and bad. */
  readonly findings: readonly Finding[];
  /** Absent where the node's networks are kept in another store, or nothing says where. */
  readonly kubeconfig?: string;
}

/** Looks at the plugin, its flat file, its kubeconfig, the node's name and the journal's folder. Changes nothing. */
export async function inspectNode(world: World, { bin, conf }: NodeFolders): Promise<NodeFindings> {
  const flat = await inspectFlatFile(world, conf);
  const document = flat.layer?.document ?? {};
  const { kubernetes, configuration_path: folder } = document as {
    readonly kubernetes?: { readonly kubeconfig?: unknown };
    readonly configuration_path?: unknown;
  };
  const kubeconfig = typeof kubernetes?.kubeconfig === "string" ? kubernetes.kubeconfig : undefined;
  const data = DEFAULT_DATABASE.replace(/\/[^/]*$/, "");
  return {
    findings: [
      await inspectPlugin(world, bin === undefined ? BIN_FOLDERS : [bin]),
      flat.finding,
      ...kubeconfig === undefined ? [] : [await inspectFile(world, "Kubeconfig", kubeconfig)],
      await inspectName(world, typeof folder === "string" ? folder : undefined),
      ...await world.isDirectory(data) ? [await inspectFolder(world, "Data", data)] : [],
    ],
    ...(kubeconfig !== undefined && { kubeconfig }),
  };
}

async function inspectPlugin(world: World, folders: readonly string[]): Promise<Finding> {
  for (const folder of folders) {
    if (await world.exists(`${folder}/${PLUGIN}`)) return { what: `Plugin ${folder}/${PLUGIN}` };
  }
  return {
    what: "Plugin",
    problem: `There is no ${PLUGIN} in ${folders.join(", ")}: ${RESTORE}, or name another --bin-dir`,
  };
}

async function inspectFlatFile(
  world: World,
  conf: string | undefined,
): Promise<{ readonly finding: Finding; readonly layer?: ConfigLayer }> {
  const named = conf === undefined ? undefined : `${conf}/whereabouts.d/whereabouts.conf`;
  const searched = named === undefined ? FLAT_FILES : [named];
  try {
    const present = named === undefined || await world.exists(named);
    const [layer] = present ? await readFlatFile(world, { named }) : [];
    if (layer) return { finding: { what: `Flat file ${layer.source}` }, layer };
    return { finding: { what: "Flat file", problem: `There is none of ${searched.join(", ")}: ${RESTORE}` } };
  } catch (error) {
    return { finding: { what: "Flat file", problem: messageOf(error) } };
  }
}

async function inspectFile(world: World, name: string, path: string): Promise<Finding> {
  const what = `${name} ${path}`;
  return await world.exists(path) ? { what } : { what, problem: `No such file: ${RESTORE}` };
}

async function inspectName(world: World, configurationPath: string | undefined): Promise<Finding> {
  const name = await configuredNodeName(world, configurationPath === undefined ? {} : { configurationPath });
  if (name !== undefined) return { what: `Node name ${name}` };
  const problem = `No file nodename beside the flat file, so the host's name counts, which may be another: ${RESTORE}`;
  return { what: "Node name", problem, warning: true };
}
