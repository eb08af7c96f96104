/**
 * The process that serves calls: one that ends with its call, or the agent.
 *
 * @module
 */
import { openIpam } from "../ipam/ipam.ts";
import type { ReleaseHost } from "../journal/deliver.ts";
import { DEFAULT_JOURNAL, folderJournal, type Journal } from "../journal/journal.ts";
import type { LoadDriver } from "../storage/open.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";

/** What the plugin is given by the process it runs in. */
export interface Host extends ReleaseHost {
  /** Called when the store lost the entry of an attachment that runs on this node. */
  readonly entryLost?: () => void;
  /** Milliseconds that a call may take here, at most. Absent: as long as its verb may. */
  readonly timeout?: number;
  /** Aborts when nobody waits for the call any more. */
  readonly gone?: AbortSignal;
}

/** A process that serves one call and ends. */
export function directHost(world: World, loadDriver: LoadDriver): Host {
  return {
    world,
    open: ({ datastore }, log) => openIpam(datastore, loadDriver, world, log),
    journal: (log) => nodeJournal(world, log),
    lock: world.lock,
    appendLog: world.appendTextFile, // where the path leads was checked when the configuration was loaded
    delivers: false,
  };
}

/** The journal in its usual folder, in that of `WHEREABOUTS_JOURNAL`, or none where that says `off`. */
export function nodeJournal(world: World, log: Logger): Journal | undefined {
  const folder = world.env("WHEREABOUTS_JOURNAL") || DEFAULT_JOURNAL;
  return folder === "off" ? undefined : folderJournal(folder, world, log);
}
