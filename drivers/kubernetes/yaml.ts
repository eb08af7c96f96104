/**
 * YAML. Imported as a whole by whoever needs it: a bundle gives a CommonJS module's members to a static import alone.
 *
 * @module
 */
import { LineCounter, parseDocument } from "yaml";

/**
 * Characters that YAML is built with, of which a document may have so many: a kubeconfig of a thousand clusters has fewer, and the parser
 * needs a third of a second for them. Certificates in base64 have none.
 */
const MOST_STRUCTURE = 20_000;

/**
 * Reads a document. Of members of one name the last one counts: looking for them takes the parser quadratic time.
 *
 * @throws {SyntaxError} it is none. The message names the fault and the line, and quotes nothing: it may be a file of somebody else's
 */
export function parseYaml(text: string): unknown {
  if (text.replace(/[^-:,[\]{}&*]/g, "").length > MOST_STRUCTURE) throw new SyntaxError("Not YAML (too many members)");
  const lineCounter = new LineCounter();
  try {
    const document = parseDocument(text, { prettyErrors: false, logLevel: "error", lineCounter, uniqueKeys: false });
    const [fault] = document.errors;
    if (!fault) return document.toJS();
    const { line, col } = lineCounter.linePos(fault.pos[0]);
    throw new SyntaxError(`Not YAML (${fault.code} at line ${line}, column ${col})`);
  } catch (error) {
    if (error instanceof SyntaxError) throw error;
    throw new SyntaxError("Not YAML (nested too deeply, or an alias leads nowhere or too far)");
  }
}
