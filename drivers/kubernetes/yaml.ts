/**
 * YAML. Imported as a whole by whoever needs it: a bundle gives a CommonJS module's members to a static import alone.
 *
 * @module
 */
import { LineCounter, parseDocument } from "yaml";

/**
 * Reads a document.
 *
 * @throws {SyntaxError} it is none. The message names the fault and the line, and quotes nothing: it may be a file of somebody else's
 */
export function parseYaml(text: string): unknown {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { prettyErrors: false, logLevel: "error", lineCounter });
  const [fault] = document.errors;
  if (fault) {
    const { line, col } = lineCounter.linePos(fault.pos[0]);
    throw new SyntaxError(`Not YAML (${fault.code} at line ${line}, column ${col})`);
  }
  try {
    return document.toJS();
  } catch {
    throw new SyntaxError("Not YAML (an alias leads nowhere, or there are too many)");
  }
}
