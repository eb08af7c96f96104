/**
 * Colour, where there is a terminal to show it.
 *
 * @module
 */

/** How words are set off. Without colour every function returns its text. */
export interface Style {
  /** A heading or an occupied place. */
  strong(text: string): string;
  /** Something as it should be. */
  good(text: string): string;
  /** Something to look at. */
  bad(text: string): string;
  /** Something in the background. */
  faint(text: string): string;
}

/** Text as it is. */
export const PLAIN: Style = { strong: String, good: String, bad: String, faint: String };

/** ANSI colours on a terminal that did not ask to be left alone (`NO_COLOR`), plain text elsewhere. */
export function styleFor(terminal: boolean, noColor: string | undefined): Style {
  if (!terminal || noColor) return PLAIN;
  const code = (on: number, off: number) => (text: string) => `\x1b[${on}m${text}\x1b[${off}m`;
  return { strong: code(1, 22), good: code(32, 39), bad: code(31, 39), faint: code(2, 22) };
}
