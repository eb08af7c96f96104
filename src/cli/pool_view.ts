/**
 * A pool as people see it: a table of who has what, and a map of the range.
 *
 * @module
 */
import { formatCidr } from "../address/cidr.ts";
import { formatIp } from "../address/ip.ts";
import { capacity, type IpRange, isCandidate } from "../address/range.ts";
import type { Allocations } from "../pool/types.ts";
import type { Style } from "./style.ts";

/** Cells of a map, at most; a larger range is drawn with several addresses a cell. */
const MOST_CELLS = 256n;
const CELLS_A_LINE = 32;

/** What a cell of the map stands for. */
type Cell = "used" | "part" | "free" | "withheld";

const GLYPHS: Readonly<Record<Cell, string>> = { used: "█", part: "▒", free: "·", withheld: "-" };

/** Columns of text under headings, aligned. Rows shorter than the headings end early. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = headings.map((heading, i) => Math.max(heading.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) => cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ").trimEnd();
  return [line(headings), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)];
}

/** The allocations of a pool, lowest address first. */
export function allocationTable(range: IpRange, allocations: Allocations): string[] {
  const rows = [...allocations.values()].sort((a, b) => (a.address < b.address ? -1 : 1)).map((held) => [
    formatIp({ family: range.cidr.family, value: held.address }),
    held.podRef,
    held.ifName,
    held.containerId.slice(0, 13),
  ]);
  return table(["ADDRESS", "POD", "INTERFACE", "CONTAINER"], rows);
}

/**
 * The range as a map, lowest address first: `█` used, `▒` partly used, `·` free, `-` withheld (excluded, out of bounds, network and
 * broadcast address). A line says how many addresses a cell stands for when it is more than one.
 */
export function poolMap(range: IpRange, allocations: Allocations, style: Style): string[] {
  const bits = BigInt(range.cidr.family === 4 ? 32 : 128) - BigInt(range.cidr.prefix);
  const size = 1n << bits;
  const perCell = size > MOST_CELLS ? size / MOST_CELLS : 1n;
  const used = new Map<bigint, bigint>();
  for (const address of allocations.keys()) {
    const cell = (address - range.cidr.base) / perCell;
    used.set(cell, (used.get(cell) ?? 0n) + 1n);
  }
  const cells: Cell[] = [];
  for (let i = 0n; i < size / perCell; i++) cells.push(cellOf(range, i, perCell, used.get(i) ?? 0n));
  return [summary(range, allocations, perCell), ...lines(range, cells, perCell, style)];
}

function cellOf(range: IpRange, index: bigint, perCell: bigint, used: bigint): Cell {
  const first = range.cidr.base + index * perCell;
  if (used >= perCell) return "used";
  if (used > 0n) return "part";
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
  const drawn: string[] = [];
  for (let at = 0; at < cells.length; at += CELLS_A_LINE) {
    const value = range.cidr.base + BigInt(at) * perCell;
    const row = cells.slice(at, at + CELLS_A_LINE).map((cell) => paint(cell, style)).join("");
    drawn.push(`  ${formatIp({ family: range.cidr.family, value })}`.padEnd(22) + ` ${row}`);
  }
  return drawn;
}

function paint(cell: Cell, style: Style): string {
  switch (cell) {
    case "used":
    case "part":
      return style.strong(GLYPHS[cell]);
    case "free":
      return style.good(GLYPHS[cell]);
    case "withheld":
      return style.faint(GLYPHS[cell]);
  }
}
