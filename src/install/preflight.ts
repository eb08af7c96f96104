/**
 * What an installation needs of its surroundings, looked at before or after: one list, good and bad.
 *
 * @module
 */
import { nodeLocalAdvice, nodeLocalStores } from "../config/node_local.ts";
import { messageOf } from "../values/errors.ts";
import type { World } from "../world/world.ts";
import type { InstallSettings } from "./settings.ts";

/** One thing that was looked at. */
export interface Finding {
  /** What was looked at. */
  readonly what: string;
  /** Undefined: as it should be. Otherwise what is wrong, and what to do. */
  readonly problem?: string;
  /** The problem hinders nothing: it is to be known. */
  readonly warning?: true;
}

/** Looks at an API server: whether it answers, serves our resources, and allows what ADD and DEL do. Never rejects. */
export type InspectApi = (world: World, kubeconfig: string | undefined) => Promise<readonly Finding[]>;

/** Looks at folders and API server. */
export async function preflight(
  world: World,
  settings: InstallSettings,
  inspectApi: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  return [
    await inspectFolder(world, "CNI_BIN_DIR", settings.binFolder),
    await inspectFolder(world, "CNI_CONF_DIR", settings.confFolder),
    named("WHEREABOUTS_NAMESPACE", settings.namespace, "name the namespace of the IPPools"),
    named("NODENAME", settings.nodeName, "set it from the field spec.nodeName of the pod"),
    ...await inspectApi(),
    ...await nodeLocalFindings(world),
  ];
}

/** Embedded stores of this node that pods of the cluster use. */
export async function nodeLocalFindings(world: World): Promise<readonly Finding[]> {
  return (await nodeLocalStores(world)).map((store) => ({
    what: `Node-local database ${store.database}`,
    problem: nodeLocalAdvice(store),
    warning: true,
  }));
}

function named(what: string, value: string, advice: string): Finding {
  return value === "" ? { what, problem: `Not set: ${advice}` } : { what: `${what} ${value}` };
}

/** Writes a file and takes it away: permissions, read-only mounts and full disks all show. */
export async function inspectFolder(world: World, name: string, folder: string): Promise<Finding> {
  const what = `${name} ${folder}`;
  if (!await world.isDirectory(folder)) return { what, problem: "No such folder: mount the host's, or name another" };
  const probe = `${folder}/.whereabouts-preflight`;
  try {
    await world.writeFile(probe, "", { durable: false });
    await world.remove(probe);
    return { what };
  } catch (error) {
    return { what, problem: `Cannot be written: ${messageOf(error)}` };
  }
}
