/**
 * Colours, if standard output is a terminal.
 *
 * @module
 */

/** Text styles. Without colours every function returns its text unchanged. */
export interface Style {
  /** Headings, used addresses. */
  strong(text: string): string;
  /** Good states, free addresses. */
  good(text: string): string;
  /** Problems. */
  bad(text: string): string;
  /** Secondary text. */
  faint(text: string): string;
}

/** No colours. */
export const PLAIN: Style = { strong: String, good: String, bad: String, faint: String };

/** ANSI colours on a terminal unless `NO_COLOR` is set, else plain text. */
export function styleFor(terminal: boolean, noColor: string | undefined): Style {
  if (!terminal || noColor) return PLAIN;
  const code = (on: number, off: number) => (text: string) => `\x1b[${on}m${text}\x1b[${off}m`;
  return { strong: code(1, 22), good: code(32, 39), bad: code(31, 39), faint: code(2, 22) };
}
