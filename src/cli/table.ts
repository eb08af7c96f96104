/**
 * Columns.
 *
 * @module
 */
import { PLAIN, type Style } from "./style.ts";

/** What would move a terminal's cursor: names come from the store as somebody wrote them. */
// deno-lint-ignore no-control-regex -- these are what is looked for
const CONTROL = /[\x00-\x1f\x7f-\x9f]/g;

/** A text from the store on one line, with nothing in it that moves the cursor. */
export function clean(text: string): string {
  return text.replace(CONTROL, "?");
}

/** Columns of text under headings, aligned. Rows shorter than the headings end early. */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  style: Style = PLAIN,
): string[] {
  const safe = rows.map((row) => row.map(clean));
  const widths = headings.map((heading, i) =>
    safe.reduce((most, row) => Math.max(most, row[i]?.length ?? 0), heading.length)
  );
  const line = (cells: readonly string[]) => cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ").trimEnd();
  return [style.strong(line(headings)), ...safe.map(line)];
}
