/**
 * Formats tables: texts to the left, numbers to the right, as wide as the terminal.
 *
 * @module
 */
import { PLAIN, type Style } from "./style.ts";

/** Control characters, which could move the cursor of a terminal: names in the store are untrusted. */
// deno-lint-ignore no-control-regex -- they are what is replaced
const CONTROL = /[\x00-\x1f\x7f-\x9f]/g;
/** Blanks between columns. */
const GAP = "  ";
/** Columns are not narrower than this: their words would be unreadable. */
const MIN_WIDTH = 10;
/** Counts from here on are shown as powers of two: more digits are not read, and an IPv6 range has twenty. */
const LARGE = 1_000_000_000n;

/** Replaces control characters in a text from the store. */
export function clean(text: string): string {
  return text.replace(CONTROL, "?");
}

/** A cell of a colour. */
export interface Painted {
  /** The text; a number is aligned and shortened like any other. */
  readonly text: string | number | bigint;
  /** Colours a part of the text, which has its final length. */
  readonly paint: (text: string) => string;
  /** Whether a text is aligned as a number. Default: false. */
  readonly right?: boolean;
}

/** Text, or a number. */
export type Cell = string | number | bigint | Painted;

/** A count for people: exact, or `~2^64`. */
export function countText(count: number | bigint): string {
  const exact = BigInt(count);
  if (exact < LARGE) return `${exact}`;
  const power = exact.toString(2).length - 1;
  const isCloserToNext = exact * exact > 1n << BigInt(2 * power + 1);
  return `~2^${isCloserToNext ? power + 1 : power}`;
}

/**
 * Aligned columns under headings. Rows may be shorter than the headings. On a terminal (`style.width`), the widest columns of texts are folded
 * until the table fits; elsewhere each row is one line.
 *
 * @param headings empty: no line of headings
 */
export function table(
  headings: readonly string[],
  rows: readonly (readonly Cell[])[],
  style: Style = PLAIN,
): string[] {
  const texts = rows.map((row) => row.map(textOf));
  const columns = headings.length > 0 ? headings : texts[0] ?? [];
  const isNumber = columns.map((_, i) => rows.length > 0 && rows.every((row) => isNumeric(row[i])));
  const natural = columns.map((heading) => headings.length > 0 ? heading.length : 0);
  for (const row of texts) {
    for (let i = 0; i < natural.length; i++) natural[i] = Math.max(natural[i] ?? 0, row[i]?.length ?? 0);
  }
  const widths = style.width === undefined ? natural : fit(natural, headings, isNumber, style.width);
  const isFolded = widths.some((width, i) => width < (natural[i] ?? 0));
  const pad = (text: string, i: number) => isNumber[i] ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0);
  const plain = (row: readonly string[]) => row.map(pad).join(GAP).trimEnd();
  const isPainted = rows.some((row) => row.some((cell) => typeof cell === "object"));
  const drawn = isPainted ? (row: readonly string[], r: number) => painted(row.map(pad), rows[r] ?? []) : plain;
  const lines = isFolded
    ? texts.flatMap((row, r) => foldRow(row, widths).map((part) => drawn(part, r)))
    : texts.map(drawn);
  return headings.length > 0 ? [style.strong(plain(headings)), ...lines] : lines;
}

function textOf(cell: Cell): string {
  if (typeof cell === "object") return textOf(cell.text);
  return typeof cell === "string" ? clean(cell) : countText(cell);
}

/** Absent cells count as numbers: they do not decide how a column is aligned. */
function isNumeric(cell: Cell | undefined): boolean {
  if (cell === undefined) return true;
  return typeof cell === "object" ? cell.right || isNumeric(cell.text) : typeof cell !== "string";
}

/** Colours do not count as width, so cells are painted after they are padded; the last one ends without blanks. */
function painted(padded: readonly string[], cells: readonly Cell[]): string {
  const last = padded.findLastIndex((text) => text.trim() !== "");
  return padded.slice(0, last + 1).map((text, i) => {
    const shown = i === last ? text.trimEnd() : text;
    const cell = cells[i];
    return typeof cell === "object" ? cell.paint(shown) : shown;
  }).join(GAP);
}

/** Narrows the widest columns of texts until the table fits. A table that cannot fit keeps its rows whole. */
function fit(
  natural: readonly number[],
  headings: readonly string[],
  isNumber: readonly boolean[],
  max: number,
): number[] {
  const widths = [...natural];
  const least = (i: number) => Math.max(headings[i]?.length ?? 0, MIN_WIDTH);
  let surplus = widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1)) - max;
  while (surplus > 0) {
    const widest = widths.reduce(
      (best, width, i) => !isNumber[i] && width > least(i) && (best < 0 || width > (widths[best] ?? 0)) ? i : best,
      -1,
    );
    if (widest < 0) return [...natural];
    widths[widest] = (widths[widest] ?? 0) - 1;
    surplus--;
  }
  return widths;
}

/** The lines of a row whose cells are folded to widths. */
function foldRow(row: readonly string[], widths: readonly number[]): (readonly string[])[] {
  if (row.every((text, i) => text.length <= (widths[i] ?? 0))) return [row];
  const folded = row.map((text, i) => fold(text, widths[i] ?? 0));
  const height = Math.max(...folded.map(({ length }) => length));
  return Array.from({ length: height }, (_, line) => folded.map((parts) => parts[line] ?? ""));
}

/** Breaks a text after blanks if it has any in reach, else after the signs that join names, else anywhere. */
export function fold(text: string, width: number): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > width) {
    const head = rest.slice(0, width + 1);
    const blank = head.lastIndexOf(" ");
    const sign = Math.max(...["/", "-", ",", ":", "."].map((one) => head.lastIndexOf(one, width - 1)));
    const at = blank > 0 ? blank : sign > 0 ? sign + 1 : width;
    lines.push(rest.slice(0, at).trimEnd());
    rest = rest.slice(at).trimStart();
  }
  return [...lines, rest];
}
