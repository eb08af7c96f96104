/**
 * JSON from files and servers of others: the reason why a text is none, without a word of the text.
 *
 * @module
 */

/**
 * Decodes JSON.
 *
 * The parser's own messages quote the text around the fault, which may be a password: only the position is kept.
 *
 * @throws {SyntaxError} the text is not JSON; the message names the position where the parser knows it
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SyntaxError(`Not JSON (${faultOf(error, text)})`);
  }
}

function faultOf(error: unknown, text: string): string {
  if (text.trim() === "") return "empty";
  const message = error instanceof Error ? error.message.slice(0, LONGEST_MESSAGE) : "";
  const position = /^.* in JSON at position (\d+)/.exec(message)?.[1];
  if (position !== undefined) return `error at character ${Number(position) + 1} of ${text.length}`;
  return message.startsWith("Unexpected end") ? "it ends too early" : "error near its beginning or in a value";
}

/** Characters of a parser's message that are read. */
const LONGEST_MESSAGE = 300;
