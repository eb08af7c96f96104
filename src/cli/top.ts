/**
 * `top`: shows the fullest pools, and what changes in them, until the reader ends it.
 *
 * @module
 */
import { formatPoolKey } from "../pool/types.ts";
import { type Movement, Movements } from "../pool/movements.ts";
import { messageOf } from "../values/errors.ts";
import { type Command, defineCommand, type Flags, parseNumber, type Values } from "./define.ts";
import { notFound, plural } from "./names.ts";
import { PODS_FLAG } from "./pods_flag.ts";
import { poolListing, type PoolRow } from "./pool_rows.ts";
import { POOL_FLAGS, type PoolsRead, readPools } from "./read_pools.ts";
import { openReading, READ_FLAGS, type Reading } from "./reading.ts";
import { type Cell, clean, fold, table } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import { isTransient } from "./watch.ts";

/** Lines of the last changes. */
const CHANGE_LINES = 8;
/** Seconds between two reads that may be chosen: the store serves them besides the plugins of all nodes. */
const INTERVAL = { min: 1, max: 3_600 };

const FLAGS = {
  once: { type: "boolean", help: "Print one frame and end, as without a terminal" },
  interval: { type: "string", value: "SECONDS", default: "5", help: "Seconds between two reads" },
  ...POOL_FLAGS,
  ...PODS_FLAG,
  ...READ_FLAGS,
} as const satisfies Flags;

/** Shows the fullest pools until the reader presses q. */
export const top: Command = defineCommand({
  operands: "[NAME...]",
  about: [
    "Show pools by fill, by how many addresses per minute they grew in the last 5 minutes, and the last addresses that were allocated and " +
    "released. NAMEs select as those of show. End it with q or Ctrl-C. Without a terminal, print one frame.",
  ],
  flags: FLAGS,
  exits: { 1: "A name was not found, pools are in other namespaces, or the command failed" },
}, async (terminal, values, names) => {
  const interval = parseNumber("interval", values.interval, INTERVAL) * 1_000;
  await using reading = await openReading({ ...terminal, progress: undefined }, values); // it draws the whole screen
  const movements = new Movements();
  const read = () => readInto(terminal, reading, movements, { ...values, names });
  if (values.once || !terminal.screen) {
    const found = await read();
    const missing = found.named.filter(({ exists }) => !exists);
    if (missing.length === 0 || found.rows.length > 0) {
      frame(terminal, found, movements, Infinity).forEach(terminal.print);
    }
    for (const { name } of found.empty ? [] : missing) terminal.world.stderr(notFound(name, found.where));
    return found.empty?.elsewhere?.size || missing.length > 0 ? 1 : 0;
  }
  await show(terminal, read, movements, interval);
  return 0;
});

async function readInto(
  terminal: Terminal,
  reading: Reading,
  movements: Movements,
  choice: Values<typeof FLAGS> & { readonly names: readonly string[] },
): Promise<PoolsRead> {
  const at = terminal.world.now();
  const found = await readPools(terminal, reading, { ...choice, withReservations: false }, true);
  const pools = found.rows.map((row) => ({
    name: nameOf(row),
    family: row.pool.key.cidr.family,
    allocations: row.pool.allocations,
  }));
  movements.add(pools, at);
  return found;
}

/** Draws until the reader ends it. A store that does not answer is retried; the last frame stays. */
async function show(
  terminal: Terminal,
  read: () => Promise<PoolsRead>,
  movements: Movements,
  interval: number,
): Promise<void> {
  using screen = terminal.screen?.();
  if (!screen) return;
  let found: PoolsRead | undefined;
  while (!screen.ended.aborted) {
    let problem = "";
    try {
      found = await read();
    } catch (error) {
      if (!isTransient(error)) throw error;
      problem = `${messageOf(error)}; retrying`;
    }
    if (screen.ended.aborted) return;
    const { columns, rows } = screen.size();
    const sized = { ...terminal, style: { ...terminal.style, width: columns } };
    const lines = found ? frame(sized, found, movements, rows - 1) : [];
    screen.draw([
      ...lines,
      problem === "" ? terminal.style.faint("q: quit") : terminal.style.bad(cut(problem, sized.style)),
    ]);
    await terminal.world.sleep(interval, screen.ended).catch(() => {});
  }
}

/** The lines of a frame, at most so many. */
function frame({ style, world }: Terminal, found: PoolsRead, movements: Movements, max: number): string[] {
  const { rows, namespaced, where, empty } = found;
  const time = new Date(world.now()).toISOString().slice(11, 19);
  const heading = style.strong(cut(`${time} ${plural(rows.length, "pool")} in ${where}`, style));
  if (empty) return [heading, ...fold(clean(empty.message), style.width ?? Infinity)];
  const changes = changeLines(movements.changes, style);
  const lines = poolLines(rows, movements, namespaced, style);
  const space = Math.max(2, max - changes.length - 3);
  const hidden = Math.max(0, lines.length - space);
  const shown = hidden > 0 ? [...lines.slice(0, space - 1), style.faint(`${hidden + 1} more pools`)] : lines;
  return [heading, "", ...shown, ...(changes.length > 0 ? ["", ...changes] : [])].slice(0, max);
}

/** A line that is not broken by the terminal, which would move all lines below. */
function cut(text: string, { width = Infinity }: Terminal["style"]): string {
  const shown = clean(text);
  return shown.length > width ? `${shown.slice(0, width - 1)}…` : shown;
}

function poolLines(
  rows: readonly PoolRow[],
  movements: Movements,
  namespaced: boolean,
  style: Terminal["style"],
): string[] {
  const columns = poolListing(style, namespaced).columns.filter(({ wide }) => !wide);
  const sorted = rows.toSorted((a, b) => b.fill - a.fill || (nameOf(a) < nameOf(b) ? -1 : 1));
  const cells = sorted.map((row): Cell[] => [
    ...columns.map(({ value, cell }) => cell ? cell(row) : value(row)),
    rateText(movements.perMinute(nameOf(row))),
  ]);
  return table([...columns.map(({ heading }) => heading), "PER MINUTE"], cells, style);
}

function rateText(rate: number | undefined): Cell {
  const text = rate === undefined ? "-" : `${rate > 0 ? "+" : ""}${Math.round(rate * 10) / 10}`;
  return { text, right: true, paint: String };
}

function changeLines(changes: readonly Movement[], style: Terminal["style"]): string[] {
  const rows = changes.slice(0, CHANGE_LINES).map(({ at, kind, address, podRef, pool }) => [
    new Date(at).toISOString().slice(11, 19),
    kind,
    address,
    podRef || "-",
    pool,
  ]);
  return rows.length === 0 ? [] : table(["TIME", "CHANGE", "ADDRESS", "POD", "POOL"], rows, style);
}

function nameOf({ pool: { key }, namespace }: PoolRow): string {
  return namespace === undefined ? formatPoolKey(key) : `${namespace}: ${formatPoolKey(key)}`;
}
