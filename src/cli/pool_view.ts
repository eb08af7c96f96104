/**
 * A pool as people see it: a table of who has what, and a map of the range.
 *
 * @module
 */
import { formatCidr } from "../address/cidr.ts";
import { bits, formatIp } from "../address/ip.ts";
import { capacity, type IpRange, isCandidate } from "../address/range.ts";
import type { Allocations } from "../pool/types.ts";
import type { Style } from "./style.ts";
import { table } from "./table.ts";

/** Cells of a map, at most; a larger range is drawn with several addresses a cell. */
const MOST_CELLS = 256n;
const CELLS_A_LINE = 32;

/** What a cell of the map stands for. */
type Cell = "used" | "part" | "reserved" | "free" | "withheld";

const GLYPHS: Readonly<Record<Cell, string>> = { used: "█", part: "▒", reserved: "+", free: "·", withheld: "-" };

/** What the glyphs mean. */
export const LEGEND =
  "█ used  ▒ partly used  + reserved over another pool  · free  - withheld: excluded, out of bounds, network or broadcast address";

/** The allocations of a pool, lowest address first. */
export function allocationTable(range: IpRange, allocations: Allocations, style: Style): string[] {
  const rows = [...allocations.values()].sort((a, b) => (a.address < b.address ? -1 : 1)).map((held) => [
    formatIp({ family: range.cidr.family, value: held.address }),
    held.podRef || "-",
    held.ifName || "-",
    held.containerId.slice(0, 13) || "-",
  ]);
  return table(["ADDRESS", "POD", "INTERFACE", "CONTAINER"], rows, style);
}

/**
 * The range as a map, lowest address first, as {@linkcode LEGEND} explains it. The line above says how many addresses a cell stands for when
 * it is more than one.
 *
 * @param reserved addresses that are allocated in no entry of this pool, and reserved all the same
 */
export function poolMap(
  range: IpRange,
  allocations: Allocations,
  style: Style,
  reserved: ReadonlySet<bigint> = new Set(),
): string[] {
  const { cidr } = range;
  const size = 1n << BigInt(bits(cidr.family) - cidr.prefix);
  const perCell = size > MOST_CELLS ? size / MOST_CELLS : 1n;
  const used = countByCell(allocations.keys(), cidr.base, perCell);
  const kept = countByCell(reserved, cidr.base, perCell);
  const cells: Cell[] = [];
  for (let i = 0n; i < size / perCell; i++) cells.push(cellOf(range, i, perCell, used.get(i) ?? 0n, kept.get(i) ?? 0n));
  return [summary(range, allocations, perCell), ...lines(range, cells, perCell, style)];
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
  if (perCell === 1n) return isCandidate(range, first) ? "free" : "withheld";
  const last = first + perCell - 1n;
  const part = {
    ...range,
    first: first > range.first ? first : range.first,
    last: last < range.last ? last : range.last,
  };
  return part.first <= part.last && capacity(part) > 0n ? "free" : "withheld";
}

function summary(range: IpRange, allocations: Allocations, perCell: bigint): string {
  const all = capacity(range);
  const scale = perCell > 1n ? `, ${perCell} addresses a cell` : "";
  return `${formatCidr(range.cidr)}: ${allocations.size} used of ${all} to give${scale}`;
}

function lines(range: IpRange, cells: readonly Cell[], perCell: bigint, style: Style): string[] {
  const drawn: (readonly [string, string])[] = [];
  for (let at = 0; at < cells.length; at += CELLS_A_LINE) {
    const value = range.cidr.base + BigInt(at) * perCell;
    const row = paintRow(cells.slice(at, at + CELLS_A_LINE), style);
    drawn.push([formatIp({ family: range.cidr.family, value }), row] as const);
  }
  const width = Math.max(15, ...drawn.map(([address]) => address.length));
  return drawn.map(([address, row]) => `  ${address.padEnd(width)}  ${row}`);
}

/** Cells of a kind that follow each other are coloured as one. */
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
    case "withheld":
      return style.faint(text);
  }
}
