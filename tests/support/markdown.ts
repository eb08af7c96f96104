/**
 * Markdown in the format of deno fmt.
 *
 * @module
 */

/** A table. The first row is the head. */
export function markdownTable(table: readonly (readonly string[])[]): string {
  const [head = [], ...body] = table;
  const widths = head.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join("\n");
}
