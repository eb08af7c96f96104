/**
 * Whether the sandbox of a record still exists.
 *
 * @module
 */
import type { World } from "../world/world.ts";
import type { JournalRecord } from "./record.ts";

/** A process's own view of its namespace: the number may be another process's by now, so it proves nothing. */
const OF_PROCESS = /^\/proc\//;

/**
 * Whether the network namespace of a record's sandbox exists, as far as this process can see it. Runtimes mount namespaces below `/run`
 * under names that they use once, and remove the name after DEL; `/var/run` is the same folder.
 */
export async function namespaceExists(world: Pick<World, "exists">, { netns }: JournalRecord): Promise<boolean> {
  if (!netns || OF_PROCESS.test(netns)) return false;
  return await world.exists(netns) || await world.exists(netns.replace(/^\/var\/run\//, "/run/"));
}
