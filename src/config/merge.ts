/**
 * Merges the layers of a configuration.
 *
 * @module
 */
import { isObject } from "../values/json.ts";
import type { Document } from "./document.ts";

/**
 * Fills the empty fields of a document from the one below it, as the original does: a field is empty if it is absent, "" or an empty list;
 * objects merge member by member; lists do not merge. Unlike in the original, an explicit `false` or `0` is a value.
 */
export function mergeDocuments(upper: Document, lower: Document): Document {
  const merged: Record<string, unknown> = { ...upper };
  for (const [key, value] of Object.entries(lower)) {
    const present = merged[key];
    if (isObject(present) && isObject(value)) merged[key] = mergeDocuments(present, value);
    else if (isEmpty(present)) merged[key] = value;
  }
  return merged;
}

/** Whether a field is empty, so that the value of the document below it applies. */
export function isEmpty(value: unknown): boolean {
  return value === undefined || value === "" || (Array.isArray(value) && value.length === 0);
}
