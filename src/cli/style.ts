/**
 * The look of a terminal: its width, and colours, if standard output is one.
 *
 * @module
 */

/** Text styles. Without colours every function returns its text unchanged. */
export interface Style {
  /** Headings, used addresses. */
  strong(text: string): string;
  /** Good states, free addresses. */
  good(text: string): string;
  /** What needs attention soon. */
  warn(text: string): string;
  /** Problems. */
  bad(text: string): string;
  /** Secondary text. */
  faint(text: string): string;
  /** Columns of the terminal. Absent: no terminal, so lines may have any length. */
  readonly width?: number;
}

/** No colours. */
export const PLAIN: Style = { strong: String, good: String, warn: String, bad: String, faint: String };

/**
 * ANSI colours on a terminal unless `NO_COLOR` is set, else plain text.
 *
 * @param terminal whether standard output is a terminal; its width if that is known
 */
export function styleFor(terminal: boolean | number, noColor: string | undefined): Style {
  const width = typeof terminal === "number" ? { width: terminal } : {};
  if (terminal === false || noColor) return { ...PLAIN, ...width };
  const code = (on: number, off: number) => (text: string) => text === "" ? "" : `\x1b[${on}m${text}\x1b[${off}m`;
  return {
    strong: code(1, 22),
    good: code(32, 39),
    warn: code(33, 39),
    bad: code(31, 39),
    faint: code(2, 22),
    ...width,
  };
}
