/**
 * Whether the sandbox of a record still exists.
 *
 * @module
 */
import type { World } from "../world/world.ts";
import type { JournalRecord } from "./record.ts";

/** The namespace path of a process. It proves nothing, because another process may have the pid by now. */
const OF_PROCESS = /^\/proc\//;

/**
 * Whether the network namespace of a record's sandbox exists, as far as this process can detect it. Runtimes mount namespaces below `/run`
 * under unique names, which they remove after DEL; `/var/run` is the same folder.
 */
export async function namespaceExists(world: Pick<World, "exists">, { netns }: JournalRecord): Promise<boolean> {
  if (!netns || OF_PROCESS.test(netns)) return false;
  return await world.exists(netns) || await world.exists(netns.replace(/^\/var\/run\//, "/run/"));
}
