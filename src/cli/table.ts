/**
 * Formats tables.
 *
 * @module
 */
import { PLAIN, type Style } from "./style.ts";

/** Control characters, which could move the cursor of a terminal: names in the store are untrusted. */
// deno-lint-ignore no-control-regex -- they are what is replaced
const CONTROL = /[\x00-\x1f\x7f-\x9f]/g;

/** Replaces control characters in a text from the store. */
export function clean(text: string): string {
  return text.replace(CONTROL, "?");
}

/** Aligned columns under headings. Rows may be shorter than the headings. */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  style: Style = PLAIN,
): string[] {
  const safe = rows.map((row) => row.map(clean));
  const widths = headings.map((heading, i) =>
    safe.reduce((max, row) => Math.max(max, row[i]?.length ?? 0), heading.length)
  );
  const line = (cells: readonly string[]) => cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ").trimEnd();
  return [style.strong(line(headings)), ...safe.map(line)];
}
