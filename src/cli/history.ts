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
import { type Command, defineCommand, UsageError, type Values } from "./define.ts";
import { FILTER_FLAGS, formatOf, isText, LIST_FLAGS, type Listing, printList, sorted } from "./output.ts";
import type { Terminal } from "./terminal.ts";
import { WATCH_FLAG, watching } from "./watch.ts";

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
    "pod-namespace": FILTER_FLAGS["pod-namespace"],
    ...WATCH_FLAG,
    ...LIST_FLAGS,
    json: { type: "boolean", help: "Print JSON, one event a line, as -o json" },
  },
  exits: { 0: "Events were found", 1: "No events were found, or the history cannot be read" },
}, async (terminal, values, subjects) => {
  const { from, watch } = values;
  if (watch && from === "-") throw new UsageError("Cannot use --watch with --from -: standard input is read once");
  const whole = formatOf(values) === "yaml"; // a line of JSON stands alone
  const matches = subjects.map(matcherOf);
  return await watching(terminal, values, whole, async (shown) => {
    const lines = selected(decodeHistory(await readText(terminal.world, from)), matches, values, terminal.world.now());
    if (lines.length > 0 || !isText(formatOf(values))) await printLines(shown, values, lines);
    else shown.world.stderr(`No events${subjects.length > 0 ? ` of ${subjects.join(", ")}` : ""} in the history`);
    return lines.length > 0 ? 0 : 1;
  });
});

type Matcher = (line: HistoryLine) => boolean;

function selected(
  lines: readonly HistoryLine[],
  matches: readonly Matcher[],
  { since, "pod-namespace": namespace }: {
    readonly since: string | undefined;
    readonly "pod-namespace": string | undefined;
  },
  now: number,
): readonly HistoryLine[] {
  const oldest = since === undefined ? 0 : now - parseDuration(since);
  return lines.filter((line) =>
    Date.parse(line.time) >= oldest && (matches.length === 0 || matches.some((matches) => matches(line))) &&
    (namespace === undefined || line.pod?.startsWith(`${namespace}/`))
  );
}

const LISTING: Listing<HistoryLine> = {
  columns: [
    { heading: "TIME", value: ({ time }) => time.replace(/\.\d+Z$/, "Z") },
    { heading: "EVENT", value: ({ event }) => event },
    { heading: "ADDRESS", value: ({ ip }) => ip || "-" },
    { heading: "POD", value: ({ pod }) => pod || "-" },
    { heading: "IF", value: ({ if: name }) => name ?? "-" },
    { heading: "NETWORK", value: ({ network }) => network ?? "-" },
    { heading: "DETAILS", value: detailsOf },
  ],
  nameOf: ({ ip, pod }) => ip || pod || "-",
  toJson: (line) => line,
};

async function printLines(
  terminal: Terminal,
  values: Values<typeof LIST_FLAGS>,
  lines: readonly HistoryLine[],
): Promise<void> {
  if (formatOf(values) !== "json") await printList(terminal, values, LISTING, lines);
  else for (const line of sorted(lines, LISTING.columns, values["sort-by"])) terminal.print(JSON.stringify(line));
}

/** The container; of a failed ADD the error. */
function detailsOf({ container = "", code, error }: HistoryLine): string {
  return error === undefined ? `container ${container.slice(0, 12)}` : `code ${code}: ${error}`;
}

function matcherOf(subject: string): Matcher {
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
