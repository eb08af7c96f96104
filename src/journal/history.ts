/**
 * The history of a node: one line for each address that the node allocated or released, and for each ADD that failed. It lies in the folder
 * of the journal, so that it outlives pods, stores and log rotation.
 *
 * A line is a JSON object with the fields of the log line of the same event (`ip`, `pod`, `if`, `network`, `pool`, `container`), so that a log
 * store answers the same question. Lines are not synced to disk: a power failure may lose the last ones, and no call waits for them.
 *
 * @module
 */
import { isObject } from "../values/json.ts";
import type { LogFields } from "../world/log.ts";
import type { World } from "../world/world.ts";

/** Name of the file in the folder of the journal. */
export const HISTORY_FILE = "history.jsonl";

/**
 * Max bytes of the file before it becomes the previous one (`history.jsonl.1`), which it replaces: some 30,000 events each, which is a day of
 * a node that starts and ends ten pods a minute.
 */
const MAX_SIZE = 8 * 1024 * 1024;

/** `allocated`: an ADD succeeded; `released`: a DEL, GC or pending release succeeded; `failed`: an ADD failed. */
export type HistoryEvent = "allocated" | "released" | "failed";

/** One line of the history. Members that are unknown are absent. Several addresses and pools are separated by commas, in order. */
export interface HistoryLine {
  /** When it was written, in RFC 3339. */
  readonly time: string;
  /** The event. */
  readonly event: HistoryEvent;
  /** The addresses. */
  readonly ip?: string;
  /** `namespace/name` of the pod. */
  readonly pod?: string;
  /** The interface. */
  readonly if?: string;
  /** The CNI network. */
  readonly network?: string;
  /** The pools. */
  readonly pool?: string;
  /** The sandbox. */
  readonly container?: string;
  /** The CNI error code of a failed ADD. */
  readonly code?: number;
  /** The message of a failed ADD. */
  readonly error?: string;
}

/**
 * Appends an event. Never throws, because the call that it describes does not depend on it.
 *
 * @param folder the folder of the journal
 */
export function appendEvent(world: World, folder: string, event: HistoryEvent, fields: LogFields): void {
  const line = JSON.stringify({ time: new Date(world.now()).toISOString(), event, ...fields });
  try {
    world.appendBounded(`${folder}/${HISTORY_FILE}`, `${line}\n`, MAX_SIZE);
  } catch {
    // the same event is in the log, and a full disk fails the journal's own writes with a message
  }
}

/** Reads lines in order. Those that a crash cut off, or that have no time and event, are skipped. */
export function decodeHistory(text: string): HistoryLine[] {
  return text.split("\n").flatMap((line) => {
    try {
      const value: unknown = JSON.parse(line);
      return isObject(value) && typeof value.time === "string" && typeof value.event === "string"
        ? [value as unknown as HistoryLine]
        : [];
    } catch {
      return [];
    }
  });
}

/** Whether the last event of an attachment is its release, or the failure of its ADD. False if the history has none, or no longer. */
export async function hasEnded(
  world: World,
  folder: string,
  { network, containerId, ifName }: { readonly network: string; readonly containerId: string; readonly ifName: string },
): Promise<boolean> {
  const text = await readHistory(world, folder).catch(() => "");
  const lines = text.split("\n").filter((line) => line.includes(containerId)).join("\n"); // few of the lines need to be decoded
  const last = decodeHistory(lines).findLast((line) =>
    line.container === containerId && line.if === ifName && line.network === network
  );
  return last?.event === "released" || last?.event === "failed";
}

/** The texts of a node's history, oldest first. Missing files are empty. */
export async function readHistory(world: World, folder: string): Promise<string> {
  const texts = await Promise.all(
    [`${HISTORY_FILE}.1`, HISTORY_FILE].map((name) => readOr(world, `${folder}/${name}`)),
  );
  return texts.join("");
}

async function readOr(world: World, path: string): Promise<string> {
  try {
    return await world.readTextFile(path);
  } catch (error) {
    if (error instanceof Error && error.name === "NotFound") return "";
    throw error;
  }
}
