/**
 * Shows a pool: a table of its allocations, and a map of its range.
 *
 * @module
 */
import { formatCidr } from "../address/cidr.ts";
import { bits, formatIp } from "../address/ip.ts";
import { capacity, type IpRange, isCandidate } from "../address/range.ts";
import { describeKeeper } from "../pool/keepers.ts";
import type { Allocations, Owner } from "../pool/types.ts";
import type { Style } from "./style.ts";
import { table } from "./table.ts";

/** Max. cells of a map; in a larger range a cell stands for several addresses. */
const MAX_CELLS = 256n;
/** Cells of a line: a map then has at most eight lines. */
const CELLS_PER_LINE = 32;

/** The state of a cell. */
type Cell = "used" | "part" | "reserved" | "resting" | "free" | "unavailable";

const GLYPHS: Readonly<Record<Cell, string>> = {
  used: "█",
  part: "▒",
  reserved: "+",
  resting: "~",
  free: "·",
  unavailable: "-",
};

/** The meanings of the glyphs. */
export const LEGEND = "█ used  ▒ partly used  + reserved by another pool  ~ released, rests  · free  " +
  "- unavailable: excluded, out of bounds, network or broadcast address";

/** The keeper of an address, and whether a pod uses the address now; empty without a keeper. */
export function keeperText({ keeper, containerId }: Owner): string {
  return keeper ? `${describeKeeper(keeper)} (${containerId === "" ? "stopped" : "in use"})` : "";
}

/** The allocations of a pool, lowest address first. */
export function allocationTable(range: IpRange, allocations: Allocations, style: Style): string[] {
  const rows = [...allocations.values()].sort((a, b) => (a.address < b.address ? -1 : 1)).map((one) => [
    formatIp({ family: range.cidr.family, value: one.address }),
    one.podRef || "-",
    one.ifName || "-",
    one.containerId.slice(0, 13) || "-",
    keeperText(one),
  ]);
  const kept = rows.some(([, , , , keeper]) => keeper !== "");
  return table(
    ["ADDRESS", "POD", "INTERFACE", "CONTAINER", ...(kept ? ["KEPT BY"] : [])],
    kept ? rows : rows.map((row) => row.slice(0, 4)),
    style,
  );
}

/**
 * The range as a map, lowest address first; {@linkcode LEGEND} explains it. Its heading contains the number of addresses per cell if that is
 * more than one.
 *
 * @param reserved addresses that are reserved, and not allocated in this pool
 * @param resting released addresses that rest
 */
export function poolMap(
  range: IpRange,
  allocations: Allocations,
  style: Style,
  reserved: ReadonlySet<bigint> = new Set(),
  resting: ReadonlySet<bigint> = new Set(),
): string[] {
  const { cidr } = range;
  const size = 1n << BigInt(bits(cidr.family) - cidr.prefix);
  const perCell = size > MAX_CELLS ? size / MAX_CELLS : 1n;
  const used = countByCell(allocations.keys(), cidr.base, perCell);
  const reservedCounts = countByCell(reserved, cidr.base, perCell);
  const restingCounts = countByCell(resting, cidr.base, perCell);
  const cells: Cell[] = [];
  for (let i = 0n; i < size / perCell; i++) {
    const cell = cellOf(range, i, perCell, used.get(i) ?? 0n, reservedCounts.get(i) ?? 0n);
    cells.push(cell === "free" && (restingCounts.get(i) ?? 0n) >= perCell ? "resting" : cell);
  }
  return [summary(range, allocations, perCell, resting.size), ...lines(range, cells, perCell, style)];
}

function countByCell(addresses: Iterable<bigint>, base: bigint, perCell: bigint): Map<bigint, bigint> {
  const counts = new Map<bigint, bigint>();
  for (const address of addresses) {
    const cell = (address - base) / perCell;
    counts.set(cell, (counts.get(cell) ?? 0n) + 1n);
  }
  return counts;
}

function cellOf(range: IpRange, index: bigint, perCell: bigint, used: bigint, reserved: bigint): Cell {
  const first = range.cidr.base + index * perCell;
  if (used >= perCell) return "used";
  if (used > 0n) return "part";
  if (reserved >= perCell) return "reserved";
  if (perCell === 1n) return isCandidate(range, first) ? "free" : "unavailable";
  const last = first + perCell - 1n;
  const part = {
    ...range,
    first: first > range.first ? first : range.first,
    last: last < range.last ? last : range.last,
  };
  return part.first <= part.last && capacity(part) > 0n ? "free" : "unavailable";
}

function summary(range: IpRange, allocations: Allocations, perCell: bigint, resting: number): string {
  const all = capacity(range);
  const scale = perCell > 1n ? `, ${perCell} addresses per cell` : "";
  const rests = resting > 0 ? `, ${resting} resting` : "";
  return `${formatCidr(range.cidr)}: ${allocations.size} of ${all} in use${rests}${scale}`;
}

function lines(range: IpRange, cells: readonly Cell[], perCell: bigint, style: Style): string[] {
  const drawn: (readonly [string, string])[] = [];
  for (let at = 0; at < cells.length; at += CELLS_PER_LINE) {
    const value = range.cidr.base + BigInt(at) * perCell;
    const row = paintRow(cells.slice(at, at + CELLS_PER_LINE), style);
    drawn.push([formatIp({ family: range.cidr.family, value }), row] as const);
  }
  const width = Math.max(15, ...drawn.map(([address]) => address.length));
  return drawn.map(([address, row]) => `  ${address.padEnd(width)}  ${row}`);
}

/** Colours each run of equal cells as one text. */
function paintRow(cells: readonly Cell[], style: Style): string {
  let row = "";
  for (let at = 0; at < cells.length;) {
    const cell = cells[at] ?? "free";
    let end = at + 1;
    while (cells[end] === cell) end++;
    row += paint(cell, GLYPHS[cell].repeat(end - at), style);
    at = end;
  }
  return row;
}

function paint(cell: Cell, text: string, style: Style): string {
  switch (cell) {
    case "used":
    case "part":
      return style.strong(text);
    case "reserved":
      return style.bad(text);
    case "free":
      return style.good(text);
    case "resting":
    case "unavailable":
      return style.faint(text);
  }
}
