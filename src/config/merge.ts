/**
 * Inline over named file over flat file.
 *
 * @module
 */
import { isObject } from "../values/json.ts";
import type { Document } from "./document.ts";

/**
 * Fills what a document leaves empty from the one below it, as the original's merge does: absent, "" and empty lists are empty, objects
 * merge member by member, lists are taken whole. Other than there, a written `false` or `0` counts as said.
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

/** Whether a member of a document says nothing, so that the document below it is asked. */
export function isEmpty(value: unknown): boolean {
  return value === undefined || value === "" || (Array.isArray(value) && value.length === 0);
}
