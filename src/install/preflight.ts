/**
 * Checks what an installation needs from its environment.
 *
 * @module
 */
import { nodeLocalAdvice, nodeLocalStores } from "../config/node_local.ts";
import { messageOf } from "../values/errors.ts";
import type { World } from "../world/world.ts";
import type { InstallSettings } from "./settings.ts";

/** The result of one check. */
export interface Finding {
  /** What was checked. */
  readonly what: string;
  /** What is wrong, and what to do. Undefined: nothing. */
  readonly problem?: string;
  /** The problem does not affect the installation. */
  readonly warning?: true;
}

/** Checks whether an API server answers, serves the custom resources, and permits what ADD and DEL do. Never rejects. */
export type InspectApi = (world: World, kubeconfig: string | undefined) => Promise<readonly Finding[]>;

/** Checks folders, settings and API server. */
export async function preflight(
  world: World,
  settings: InstallSettings,
  inspectApi: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  return [
    await inspectFolder(world, "CNI_BIN_DIR", settings.binFolder),
    await inspectFolder(world, "CNI_CONF_DIR", settings.confFolder),
    setting("WHEREABOUTS_NAMESPACE", settings.namespace, "set it to the namespace of the IPPools"),
    setting("NODENAME", settings.nodeName, "set it from the field spec.nodeName of the pod"),
    ...await inspectApi(),
    ...await nodeLocalFindings(world),
  ];
}

/** Embedded stores of this node that pods of a cluster use. */
export async function nodeLocalFindings(world: World): Promise<readonly Finding[]> {
  return (await nodeLocalStores(world)).map((store) => ({
    what: `Node-local database ${store.database}`,
    problem: nodeLocalAdvice(store),
    warning: true,
  }));
}

function setting(what: string, value: string, advice: string): Finding {
  return value === "" ? { what, problem: `Not set: ${advice}` } : { what: `${what} ${value}` };
}

/** Writes and removes a file, which reveals missing permissions, read-only mounts and full disks. */
export async function inspectFolder(world: World, name: string, folder: string): Promise<Finding> {
  const what = `${name} ${folder}`;
  if (!await world.isDirectory(folder)) {
    return { what, problem: "Folder not found: mount that of the host, or set another" };
  }
  const probe = `${folder}/.whereabouts-preflight`;
  try {
    await world.writeFile(probe, "", { durable: false });
    await world.remove(probe);
    return { what };
  } catch (error) {
    return { what, problem: `Not writable: ${messageOf(error)}` };
  }
}
