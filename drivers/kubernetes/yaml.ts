/**
 * The YAML parser. Its users import this module dynamically: in a bundle, only a static import sees the members of a CommonJS package.
 *
 * @module
 */
import {
  type Document,
  LineCounter,
  parseAllDocuments,
  type ParsedNode,
  parseDocument,
  stringify,
} from "npm:yaml@2.8.1";

/**
 * Max structural characters of a document: the kubeconfig of a thousand clusters has fewer, and the parser needs a third of a second for
 * them. Certificates in base64 have none.
 */
const MAX_STRUCTURE = 20_000;

/**
 * Parses a document. Of members with the same name, the last one counts: their detection takes the parser quadratic time.
 *
 * @throws {SyntaxError} it is invalid. The message names the fault and the line, and quotes nothing: the file may be confidential
 */
export function parseYaml(text: string): unknown {
  if (text.replace(/[^-:,[\]{}&*]/g, "").length > MAX_STRUCTURE) throw new SyntaxError("Not YAML (too many members)");
  const lineCounter = new LineCounter();
  try {
    const document = parseDocument(text, { prettyErrors: false, logLevel: "error", lineCounter, uniqueKeys: false });
    const [fault] = document.errors;
    if (!fault) return document.toJS();
    const { line, col } = lineCounter.linePos(fault.pos[0]);
    throw new SyntaxError(`Not YAML (${fault.code} at line ${line}, column ${col})`);
  } catch (error) {
    if (error instanceof SyntaxError) throw error;
    throw new SyntaxError("Not YAML (nested too deeply, or an alias is undefined or expands too far)");
  }
}

/**
 * Splits a file of an operator into its documents, each with the line on which it begins.
 *
 * @throws {SyntaxError} a document is invalid. The message names the fault and the line
 */
export function parseYamlDocuments(text: string): { readonly value: unknown; readonly line: number }[] {
  const lineCounter = new LineCounter();
  const documents = parseAllDocuments(text, { prettyErrors: false, logLevel: "error", lineCounter });
  return (Array.isArray(documents) ? documents as Document.Parsed<ParsedNode>[] : []).map((document) => {
    const [fault] = document.errors;
    const { line, col } = lineCounter.linePos(fault?.pos[0] ?? document.contents?.range[0] ?? document.range[0]);
    if (fault) throw new SyntaxError(`Not YAML (${fault.code} at line ${line}, column ${col})`);
    return { value: document.toJS(), line };
  });
}

/** A JSON value as YAML, without a final line break. Lines are not folded, so that `grep` finds whole values. */
export function formatYaml(value: unknown): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false }).trimEnd();
}
