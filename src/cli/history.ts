/**
 * `history`: shows which addresses this node allocated and released, and when.
 *
 * @module
 */
import { formatIp, parseIp } from "../address/ip.ts";
import { DEFAULT_JOURNAL } from "../journal/journal.ts";
import { decodeHistory, type HistoryLine, readHistory } from "../journal/history.ts";
import { UNITS } from "../values/duration.ts";
import { messageOf } from "../values/errors.ts";
import type { World } from "../world/world.ts";
import { type Command, defineCommand, UsageError } from "./define.ts";
import { table } from "./table.ts";

/** Max bytes of standard input: the histories of a hundred nodes. */
const MAX_INPUT = 1024 * 1024 * 1024;

/** Shows the history of this node, or of an exported file. */
export const history: Command = defineCommand({
  operands: "[ADDRESS|NAMESPACE/POD|CONTAINER]...",
  about: [
    "Show when this node allocated and released addresses, and which ADDs failed: all of them, or those of an address, a pod or a container " +
    "(the first characters of its id are enough). The node keeps the last 30,000 to 60,000 events in the folder of its journal.",
    "On a cluster: kubectl -n kube-system exec POD-OF-THE-DAEMONSET -- whereabouts history 10.0.0.5",
  ],
  flags: {
    since: { type: "string", value: "DURATION", help: "Only events of this time, such as 30m, 12h or 7d" },
    from: {
      type: "string",
      value: "FILE",
      help: "Lines of another node's history instead of this node's; - is standard input",
    },
    json: { type: "boolean", help: "Print JSON, one event a line" },
  },
  exits: { 0: "Events were found", 1: "No events were found, or the history cannot be read" },
}, async ({ world, print, style }, { since, from, json }, subjects) => {
  const oldest = since === undefined ? 0 : world.now() - parseDuration(since);
  const matches = subjects.map(matcherOf);
  const lines = decodeHistory(await readText(world, from)).filter((line) =>
    Date.parse(line.time) >= oldest && (matches.length === 0 || matches.some((matches) => matches(line)))
  );
  if (json) { for (const line of lines) print(JSON.stringify(line)); }
  else if (lines.length > 0) {
    const rows = lines.map((line) => [
      line.time.replace(/\.\d+Z$/, "Z"),
      line.event,
      line.ip || "-",
      line.pod || "-",
      line.if ?? "-",
      line.network ?? "-",
      detailsOf(line),
    ]);
    table(["TIME", "EVENT", "ADDRESS", "POD", "IF", "NETWORK", "DETAILS"], rows, style).forEach(print);
  } else world.stderr(`No events${subjects.length > 0 ? ` of ${subjects.join(", ")}` : ""} in the history`);
  return lines.length > 0 ? 0 : 1;
});

/** The container; of a failed ADD the error. */
function detailsOf({ container = "", code, error }: HistoryLine): string {
  return error === undefined ? `container ${container.slice(0, 12)}` : `code ${code}: ${error}`;
}

function matcherOf(subject: string): (line: HistoryLine) => boolean {
  const ip = parseIp(subject);
  if (ip) return (line) => line.ip?.split(",").includes(formatIp(ip)) ?? false;
  if (/^[^/\s]+\/[^/\s]+$/.test(subject)) return (line) => line.pod === subject;
  if (/^[a-zA-Z0-9][\w.-]{5,}$/.test(subject)) return (line) => line.container?.startsWith(subject) ?? false;
  throw new UsageError(
    `Invalid subject ${
      JSON.stringify(subject)
    }: expected an address, NAMESPACE/NAME of a pod, or at least 6 characters of a container id`,
  );
}

function parseDuration(text: string): number {
  const [, number, unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (number !== undefined) return Number(number) * (UNITS[unit] ?? 0);
  throw new UsageError(`Invalid --since ${JSON.stringify(text)}: expected a duration such as 30m, 12h or 7d`);
}

async function readText(world: World, from: string | undefined): Promise<string> {
  if (from === "-") return new TextDecoder().decode(await world.stdin(MAX_INPUT));
  const folder = world.env("WHEREABOUTS_JOURNAL") || DEFAULT_JOURNAL;
  if (from === undefined && folder === "off") {
    throw new Error("This node keeps no history: WHEREABOUTS_JOURNAL is off");
  }
  try {
    return from === undefined ? await readHistory(world, folder) : await world.readTextFile(from);
  } catch (cause) {
    const why = cause instanceof Error && cause.name === "NotFound" ? "file not found" : messageOf(cause);
    throw new Error(`Cannot read the history from ${from ?? folder}: ${why}`, { cause });
  }
}
