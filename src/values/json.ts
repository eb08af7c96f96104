/**
 * JSON from files and servers that are not ours.
 *
 * @module
 */

/** Characters of the parser's message that are searched: it may quote the whole text. */
const MAX_MESSAGE_LENGTH = 300;

/** Whether a JSON value is an object: neither null nor an array. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Decodes JSON. Errors quote nothing of the text, which may hold a password; the parser's own messages do.
 *
 * @throws {SyntaxError} the text is not JSON; the message has the position where the parser reports one
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
  const message = error instanceof Error ? error.message.slice(0, MAX_MESSAGE_LENGTH) : "";
  const position = /^.* in JSON at position (\d+)/.exec(message)?.[1];
  if (position !== undefined) return `error at character ${Number(position) + 1} of ${text.length}`;
  return message.startsWith("Unexpected end") ? "unexpected end" : "error near its beginning or in a value";
}
