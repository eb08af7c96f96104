/**
 * `show`: shows the pools of a store, and their allocations.
 *
 * @module
 */
import { parseIp } from "../address/ip.ts";
import type { FindingKind } from "../pool/finding.ts";
import { type Command, defineCommand, type Values } from "./define.ts";
import { notFound, plural } from "./names.ts";
import { formatOf, isText, isWhole, LIST_FLAGS, printLines, printList } from "./output.ts";
import { LEGEND, poolMap } from "./pool_map.ts";
import { movesOf, poolListing, type PoolRow } from "./pool_rows.ts";
import { allocationTable, headingOf } from "./pool_view.ts";
import { openReading, READ_FLAGS, type Reading } from "./reading.ts";
import { POOL_FLAGS, type PoolsRead, readPools } from "./read_pools.ts";
import { fold } from "./table.ts";
import type { Style } from "./style.ts";
import type { Terminal } from "./terminal.ts";
import { WATCH_FLAG, watching } from "./watch.ts";

/** Findings that the map draws. */
const LEAKED: readonly FindingKind[] = ["orphan", "keeper-gone"];
const DUPLICATE: readonly FindingKind[] = ["duplicate", "pod-address-of-another"];

const FLAGS = {
  map: { type: "boolean", help: "Draw a map of each pool instead of a table" },
  ...WATCH_FLAG,
  ...LIST_FLAGS,
  ...POOL_FLAGS,
  ...READ_FLAGS,
} as const;

/** Lists pools; with names, shows the allocations that they name. */
export const show: Command = defineCommand({
  operands: "[NAME...]",
  completes: "names",
  about: [
    "List pools and their usage. A NAME is that of a pool or its object, a network_name, a network definition, a node, a pod, an address or " +
    "a CIDR: show the allocations of the pools that it names, of a pod, a node or a CIDR its own ones. Where a name has several meanings, " +
    "write pool:NAME, network:NAME, definition:NAME, node:NAME or pod:NAME.",
    "In a cluster, the capacity is that of the first network that uses a pool; otherwise it is that of the whole range.",
  ],
  flags: FLAGS,
  exits: { 1: "A name was not found, pools are in other namespaces, or the command failed" },
}, async (terminal, values, names) => {
  const format = formatOf(values);
  await using reading = await openReading(terminal, values);
  return await watching(terminal, values, isWhole(format), (shown) => showOnce(shown, values, names, reading));
});

async function showOnce(
  terminal: Terminal,
  values: Values<typeof FLAGS>,
  names: readonly string[],
  reading: Reading,
): Promise<number> {
  const choice = { ...values, names, withReservations: values.map, withFindings: values.map };
  const read = await readPools(terminal, reading, choice, true);
  const { rows, namespaced, named, where, empty } = read;
  const missing = named.filter(({ exists }) => !exists).map(({ name }) => name);
  const isTable = isText(formatOf(values));
  if (empty && isTable) terminal.print(empty.message);
  else if (!isTable || (names.length === 0 && !values.map)) {
    if (empty) terminal.world.stderr(empty.message);
    await printList(terminal, values, poolListing(terminal.style, namespaced), rows);
  } else showEach(terminal, values, read);
  if (isTable && names.length === 0 && !values.map && !values["no-headers"]) {
    printLines(terminal, movesOf(rows).map(terminal.style.warn));
  }
  if (isTable && !empty && !values["no-headers"] && (rows.length > 0 || missing.length === 0)) {
    terminal.print("");
    terminal.print(terminal.style.faint(`${plural(rows.length, "pool")} in ${where}`));
  }
  for (const name of empty ? [] : missing) terminal.world.stderr(notFound(name, where));
  return missing.length > 0 || empty?.elsewhere?.size ? 1 : 0;
}

function showEach(terminal: Terminal, values: Values<typeof FLAGS>, read: PoolsRead): void {
  const { print, style } = terminal;
  const fit = (text: string) => fold(text, style.width ?? Infinity).forEach(print);
  if (values.map) fit(LEGEND);
  for (const [i, row] of read.rows.entries()) {
    if (i > 0 || values.map) print("");
    printLines(terminal, headingOf(row, terminal, read.namespaced));
    if (values.map) printLines(terminal, drawMap(row, read, style));
    else if (row.shown.length > 0) printLines(terminal, allocationTable(terminal, values, row));
    else print("No allocations");
  }
}

function drawMap(row: PoolRow, { reservations, findings }: PoolsRead, style: Style): string[] {
  const { pool: { key, allocations }, range, rests } = row;
  const marked = (kinds: readonly FindingKind[]) =>
    findings.filter((one) => kinds.includes(one.kind) && one.network === key.network).flatMap(({ address }) => {
      const ip = parseIp(address);
      return ip?.family === key.cidr.family && allocations.has(ip.value) ? [ip.value] : [];
    });
  const elsewhere = reservations.filter(({ network, ip }) =>
    network === key.network && ip.family === key.cidr.family && !allocations.has(ip.value)
  );
  const reserved = new Set(elsewhere.map(({ ip }) => ip.value));
  return poolMap(range, {
    used: allocations.keys(),
    reserved,
    resting: rests.keys(),
    leaked: marked(LEAKED),
    duplicate: marked(DUPLICATE),
  }, style);
}
