/**
 * The process that serves calls: either for one call, or the agent.
 *
 * @module
 */
import { openIpam } from "../ipam/ipam.ts";
import type { ReleaseHost } from "../journal/release.ts";
import { DEFAULT_JOURNAL, folderJournal, type Journal } from "../journal/journal.ts";
import type { LoadDriver } from "../storage/open.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import type { CniRequest } from "./request.ts";

/** What the process provides to the plugin. */
export interface Host extends ReleaseHost {
  /** Called if the store has lost the entry of an attachment that runs on this node. */
  readonly entryLost?: () => void;
  /** The maximum duration of a call, in milliseconds. Absent: the verb's own. */
  readonly timeout?: number;
  /** Called with the request once it is read. */
  readonly read?: (request: CniRequest) => void;
  /** Aborts when the caller has disconnected. */
  readonly gone?: AbortSignal;
}

/** The host of a process that serves one call. */
export function directHost(world: World, loadDriver: LoadDriver): Host {
  return {
    world,
    open: ({ datastore }, log) => openIpam(datastore, loadDriver, world, log),
    journal: (log) => nodeJournal(world, log),
    lock: world.lock,
    appendLog: world.appendTextFile, // loading the configuration has checked the path
    retriesPending: false,
  };
}

/** The journal in the folder of `WHEREABOUTS_JOURNAL`, else in the default folder. Undefined if the variable is `off`. */
export function nodeJournal(world: World, log: Logger): Journal | undefined {
  const folder = world.env("WHEREABOUTS_JOURNAL") || DEFAULT_JOURNAL;
  return folder === "off" ? undefined : folderJournal(folder, world, log);
}
