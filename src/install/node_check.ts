/**
 * Checks an installation on the node itself, in the folders of the host to which the DaemonSet installs.
 *
 * @module
 */
import { FLAT_FILE, OWN_FOLDER } from "../paths.ts";
import { type ConfigLayer, FLAT_FILES, readFlatFile } from "../config/files.ts";
import { configuredNodeName } from "../config/node.ts";
import { DEFAULT_DATABASE } from "../config/schema.ts";
import { messageOf } from "../values/errors.ts";
import type { World } from "../world/world.ts";
import { PLUGIN } from "./files.ts";
import { type Finding, inspectFolder } from "./preflight.ts";

/** Folders of CNI plugins: the default, then those of other distributions. */
export const BIN_FOLDERS: readonly string[] = [
  "/opt/cni/bin",
  "/var/lib/rancher/k3s/data/cni",
  "/var/lib/rancher/k3s/data/current/bin",
  "/var/snap/microk8s/current/opt/cni/bin",
  "/home/kubernetes/bin", // GKE
  "/var/lib/cni/bin", // OpenShift
];

const RESTORE = "the DaemonSet whereabouts restores it; check that its pod on this node is running";

/** Folders to check instead of the default ones. */
export interface NodeFolders {
  /** Folder of the CNI plugins. */
  readonly bin?: string | undefined;
  /** Folder of the CNI configurations. */
  readonly conf?: string | undefined;
}

/** The findings, and the kubeconfig that the plugin uses. */
interface NodeFindings {
  /** All findings, problems or not. */
  readonly findings: readonly Finding[];
  /** Absent if the flat file names no kubeconfig. */
  readonly kubeconfig?: string;
}

/** Checks the plugin, its flat file, its kubeconfig, the node's name and the data folder. Writes nothing but a temporary file. */
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
    problem: `No file ${PLUGIN} in ${folders.join(", ")}: ${RESTORE}, or set --bin-dir`,
  };
}

async function inspectFlatFile(
  world: World,
  conf: string | undefined,
): Promise<{ readonly finding: Finding; readonly layer?: ConfigLayer }> {
  const named = conf === undefined ? undefined : `${conf}/${OWN_FOLDER}/${FLAT_FILE}`;
  const searched = named === undefined ? FLAT_FILES : [named];
  try {
    const present = named === undefined || await world.exists(named);
    const [layer] = present ? await readFlatFile(world, { named }) : [];
    if (layer) return { finding: { what: `Flat file ${layer.source}` }, layer };
    return { finding: { what: "Flat file", problem: `Not found: ${searched.join(", ")}; ${RESTORE}` } };
  } catch (error) {
    return { finding: { what: "Flat file", problem: messageOf(error) } };
  }
}

async function inspectFile(world: World, name: string, path: string): Promise<Finding> {
  const what = `${name} ${path}`;
  return await world.exists(path) ? { what } : { what, problem: `File not found: ${RESTORE}` };
}

async function inspectName(world: World, configurationPath: string | undefined): Promise<Finding> {
  const name = await configuredNodeName(world, configurationPath === undefined ? {} : { configurationPath });
  if (name !== undefined) return { what: `Node name ${name}` };
  const problem =
    `No file nodename beside the flat file, so the host name is used, which may differ from the node's: ${RESTORE}`;
  return { what: "Node name", problem, warning: true };
}
