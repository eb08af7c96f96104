/**
 * YAML. Imported as a whole by whoever needs it: a bundle gives a CommonJS module's members to a static import alone.
 *
 * @module
 */
import { parse } from "yaml";

/** Reads a document. @throws an Error that says where it is none */
export function parseYaml(text: string): unknown {
  return parse(text);
}
