/**
 * The process that serves calls: one that ends with its call, or the agent.
 *
 * @module
 */
import type { IpamConfig } from "../config/types.ts";
import { type OpenIpam, openIpam } from "../ipam/ipam.ts";
import { DEFAULT_JOURNAL, folderJournal, type Journal } from "../journal/journal.ts";
import type { LoadDriver } from "../storage/open.ts";
import type { AppendLog, Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";

/** What the plugin is given by the process it runs in. */
export interface Host {
  /** The machine. */
  readonly world: World;
  /** Opens the store of a configuration. Waits no longer than the signal allows. */
  readonly open: (config: IpamConfig, log: Logger, signal: AbortSignal) => Promise<OpenIpam>;
  /** The node's journal; undefined: none is kept. */
  readonly journal: (log: Logger) => Journal | undefined;
  /** Waits for the lock of that name among the calls of this node. */
  readonly lock: World["lock"];
  /** Appends to the log file of a configuration. */
  readonly appendLog: AppendLog;
  /** Told that this process cannot use the configuration of a call: it does not see a file, or nobody can use it. */
  readonly unusable?: (error: unknown) => void;
  /** Told that the store lost the entry of an attachment that runs on this node. */
  readonly entryLost?: () => void;
  /** Milliseconds that a call may take here, at most. Absent: as long as its verb may. */
  readonly timeout?: number;
  /** Aborts when nobody waits for the call any more. */
  readonly gone?: AbortSignal;
  /** Whether this process goes on delivering releases that could not be delivered, so that DEL may promise them. */
  readonly delivers: boolean;
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
