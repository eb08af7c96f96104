/**
 * Draws a pool as a map of its range.
 *
 * @module
 */
import { type Cidr, cidrOf, formatCidr, span } from "../address/cidr.ts";
import { bits, formatIp } from "../address/ip.ts";
import { capacity, type IpRange } from "../address/range.ts";
import type { Style } from "./style.ts";
import { countText } from "./table.ts";

/** Max lines of a map; in a larger range a cell stands for several addresses. */
const MAX_LINES = 8n;
/** Cells of a line: as many as the terminal has room for, and without a terminal the second. */
const CELLS_PER_LINE = [128, 64, 32, 16, 8] as const;
const DEFAULT_CELLS = 32;
/** Prefix lengths of IPv4 ranges and of IPv6 ranges from which on the whole range is drawn: a larger one has more addresses than pods. */
const WHOLE_PREFIX = { 4: 16, 6: 112 } as const;
/** Host bits of the smallest part that is drawn of a larger range. */
const MIN_HOST_BITS = 8;
/** Columns of a label: an IPv4 address. */
const LABEL = 15;

/** The states of addresses. An address may have several. */
export interface Marks {
  /** Allocated in this pool. */
  readonly used: Iterable<bigint>;
  /** Reserved, and not allocated in this pool. */
  readonly reserved?: Iterable<bigint>;
  /** Released, and resting. */
  readonly resting?: Iterable<bigint>;
  /** Allocated, and unused. */
  readonly leaked?: Iterable<bigint>;
  /** Used by two pods. */
  readonly duplicate?: Iterable<bigint>;
}

/** The state of a cell. `used` is followed by the thirds of what it can allocate. */
type Cell = "duplicate" | "leaked" | "used" | "low" | "half" | "high" | "reserved" | "resting" | "free" | "unavailable";

const GLYPHS: Readonly<Record<Cell, string>> = {
  duplicate: "X",
  leaked: "!",
  used: "█",
  low: "░",
  half: "▒",
  high: "▓",
  reserved: "+",
  resting: "~",
  free: "·",
  unavailable: "-",
};

/** The meanings of the glyphs. */
export const LEGEND = "█ used  ░▒▓ partly used  · free  ! leaked  X used twice  + reserved by another pool  " +
  "~ released, rests  - unavailable: excluded, out of bounds, network or broadcast address";

/**
 * The range as a map, lowest address first; {@linkcode LEGEND} explains it. Of a range with far more addresses than pods, the smallest block
 * is drawn that contains all addresses with a mark. A first line names that block, and the number of addresses per cell if it is not one.
 */
export function poolMap(range: IpRange, given: Marks, style: Style): string[] {
  const marks = listed(given);
  const drawn = drawnPart(range, marks);
  const { family } = drawn;
  const { first, last } = span(drawn);
  const label = Math.max(LABEL, formatIp({ family, value: last }).length);
  const room = (style.width ?? DEFAULT_CELLS + label + 4) - label - 4;
  const perLine = CELLS_PER_LINE.find((cells) => cells <= room) ?? 8;
  const size = last - first + 1n;
  const max = MAX_LINES * BigInt(perLine);
  const perCell = size > max ? size / max : 1n;
  const counts = countsOf(marks, first, last, perCell);
  const cells = Array.from({ length: Number(size / perCell) }, (_, i) => {
    const low = first + BigInt(i) * perCell;
    return cellOf(capacityIn(range, low, low + perCell - 1n), i, counts);
  });
  const notes = [
    ...(drawn.prefix === range.cidr.prefix ? [] : [`${formatCidr(drawn)}, the part in use`]),
    ...(perCell > 1n ? [`${countText(perCell)} addresses per cell`] : []),
  ];
  const lines: string[] = notes.length > 0 ? [`  ${notes.join(", ")}`] : [];
  for (let at = 0; at < cells.length; at += perLine) {
    const value = first + BigInt(at) * perCell;
    lines.push(`  ${formatIp({ family, value }).padEnd(label)}  ${paintRow(cells.slice(at, at + perLine), style)}`);
  }
  return lines;
}

/** The keys of a map, for example, can be read only once. */
function listed({ used, reserved = [], resting = [], leaked = [], duplicate = [] }: Marks): Required<Marks> {
  return {
    used: [...used],
    reserved: [...reserved],
    resting: [...resting],
    leaked: [...leaked],
    duplicate: [...duplicate],
  };
}

/** The range, or the smallest block of a large one that contains all marks. */
function drawnPart({ cidr, first }: IpRange, marks: Required<Marks>): Cidr {
  if (cidr.prefix >= WHOLE_PREFIX[cidr.family]) return cidr;
  const addresses = Object.values(marks).flatMap((some) => [...some]);
  const low = addresses.reduce<bigint | undefined>((a, b) => a === undefined || b < a ? b : a, undefined);
  const high = addresses.reduce<bigint | undefined>((a, b) => a === undefined || b > a ? b : a, undefined);
  const value = low ?? first;
  const hostBits = Math.max(MIN_HOST_BITS, (value ^ (high ?? first)).toString(2).length);
  return cidrOf({ family: cidr.family, value }, Math.max(cidr.prefix, bits(cidr.family) - hostBits));
}

/** The number of addresses between two that the range can allocate. */
function capacityIn(range: IpRange, low: bigint, high: bigint): bigint {
  const first = low > range.first ? low : range.first;
  const last = high < range.last ? high : range.last;
  return first <= last ? capacity({ ...range, first, last }) : 0n;
}

type Counts = { readonly [K in keyof Marks]-?: ReadonlyMap<number, number> };

function countsOf(marks: Required<Marks>, first: bigint, last: bigint, perCell: bigint): Counts {
  const count = (addresses: Iterable<bigint>) => {
    const counts = new Map<number, number>();
    for (const address of addresses) {
      if (address < first || address > last) continue;
      const cell = Number((address - first) / perCell);
      counts.set(cell, (counts.get(cell) ?? 0) + 1);
    }
    return counts;
  };
  return {
    used: count(marks.used),
    reserved: count(marks.reserved),
    resting: count(marks.resting),
    leaked: count(marks.leaked),
    duplicate: count(marks.duplicate),
  };
}

/** @param can the number of addresses of the cell that can be allocated: others are not free */
function cellOf(can: bigint, i: number, { used, reserved, resting, leaked, duplicate }: Counts): Cell {
  if (duplicate.has(i)) return "duplicate";
  if (leaked.has(i)) return "leaked";
  const allocated = BigInt(used.get(i) ?? 0);
  if (allocated > 0n) {
    if (allocated >= can) return "used";
    return allocated * 3n < can ? "low" : allocated * 3n < can * 2n ? "half" : "high";
  }
  if (can === 0n) return reserved.has(i) ? "reserved" : "unavailable";
  if (BigInt(reserved.get(i) ?? 0) >= can) return "reserved";
  return BigInt(resting.get(i) ?? 0) >= can ? "resting" : "free";
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
    case "duplicate":
    case "leaked":
      return style.bad(text);
    case "reserved":
      return style.warn(text);
    case "free":
      return style.good(text);
    case "resting":
    case "unavailable":
      return style.faint(text);
    default:
      return style.strong(text);
  }
}
