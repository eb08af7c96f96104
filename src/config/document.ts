/**
 * JSON objects with a table of fields: reads them, and merges the layers of a configuration.
 *
 * @module
 */
import { isObject } from "../values/json.ts";
import type { Fields, FieldType } from "./schema.ts";
import { ConfigError } from "./types.ts";

/** An object that, at every depth, has only keys of the table, in its spelling, with values of its types. */
export type Document = Readonly<Record<string, unknown>>;

/** Receives a warning for the operator. */
export type Warn = (warning: string) => void;

/** Max strings in a list: a longer one is a mistake or an attack. */
const MAX_STRINGS = 10_000;
/** Max objects in a list, each of which takes longer to check than a string. */
const MAX_OBJECTS = 1_000;
/** How many unknown keys of one object get a warning of their own: finding the nearest known key takes time. */
const MAX_UNKNOWN = 10;
/** How many characters of a value appear in a message. */
const MAX_QUOTE_LENGTH = 80;

/**
 * Reads an object. Keys match exactly, else ignoring case, as in Go's decoder; `null` counts as absent. An unknown key gets a warning that names
 * the nearest known one.
 *
 * @throws {ConfigError} it is not an object, or a value has the wrong type; the error names the field
 */
export function readDocument(value: unknown, fields: Fields, path: string, warn: Warn): Document {
  if (!isObject(value)) throw new ConfigError(path, `Cannot read ${path}: found ${kindOf(value)}, expected an object`);
  const document: Record<string, unknown> = {};
  const unknown: string[] = [];
  for (const [key, member] of Object.entries(value)) {
    const known = Object.hasOwn(fields, key)
      ? key
      : Object.keys(fields).find((one) => sameWord(one, key) && !Object.hasOwn(value, one));
    if (known === undefined) unknown.push(key);
    else if (member !== null) document[known] = checked(member, fields[known], `${path}.${known}`, warn);
  }
  for (const key of unknown.slice(0, MAX_UNKNOWN)) warnUnknown(`${path}.${key}`, key, fields, warn);
  if (unknown.length > MAX_UNKNOWN) {
    warn(`${unknown.length - MAX_UNKNOWN} more unknown fields of ${path} are ignored`);
  }
  return document;
}

/** Whether a key matches a field, ignoring case. */
export function isKnown(key: string, fields: Fields): boolean {
  return Object.hasOwn(fields, key) || Object.keys(fields).some((one) => sameWord(one, key));
}

/** A member of an object, by the same rule for keys. Undefined if absent. */
export function lookup(value: Record<string, unknown>, key: string): unknown {
  if (Object.hasOwn(value, key)) return value[key];
  const variant = Object.keys(value).find((one) => sameWord(one, key));
  return variant === undefined ? undefined : value[variant];
}

function sameWord(a: string, b: string): boolean {
  return a.length === b.length && a.toLowerCase() === b.toLowerCase();
}

/** A string member of a document. Undefined if absent or empty. */
export function text(document: Document, key: string): string | undefined {
  const value = document[key];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** A list member of a document. Empty if absent. */
export function list(document: Document, key: string): readonly unknown[] {
  const value = document[key];
  return Array.isArray(value) ? value : [];
}

/** Describes a value in a message: a string with its beginning, a list with its length, an object by its type alone. */
export function describe(value: unknown): string {
  return typeof value === "string" ? `string ${quote(value)}` : kindOf(value);
}

/** Describes a value where no string was expected. A string is not shown, because it may be a secret. */
function kindOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (isObject(value)) return "an object";
  return typeof value === "string" ? "a string" : `${typeof value} ${value}`;
}

/** Quotes a string for a message; a long one is cut. */
export function quote(value: string): string {
  return JSON.stringify(value.length > MAX_QUOTE_LENGTH ? `${value.slice(0, MAX_QUOTE_LENGTH)}…` : value);
}

function checked(value: unknown, type: FieldType | undefined, path: string, warn: Warn): unknown {
  const fail = (expected: string, found: unknown, at = path): never => {
    const isScalar = type === "string" || type === "boolean" || type === "integer";
    const shown = at.endsWith("password") ? `a ${typeof found}` : isScalar ? describe(found) : kindOf(found);
    throw new ConfigError(at, `Cannot use ${at}: found ${shown}, expected ${expected}`);
  };
  switch (type) {
    case "string":
      return typeof value === "string" ? value : fail("a string", value);
    case "boolean":
      return typeof value === "boolean" ? value : fail("true or false", value);
    case "integer":
      return Number.isSafeInteger(value) ? value : fail("an integer", value);
    case "strings":
    case "objects": {
      if (!Array.isArray(value)) return fail("a list", value);
      const max = type === "strings" ? MAX_STRINGS : MAX_OBJECTS;
      if (value.length > max) return fail(`at most ${max} elements`, value);
      const wrong = value.findIndex((one) => type === "strings" ? typeof one !== "string" : !isObject(one));
      return wrong < 0 ? value : fail(type === "strings" ? "a string" : "an object", value[wrong], `${path}[${wrong}]`);
    }
    default:
      return type && readDocument(value, type, path, warn);
  }
}

function warnUnknown(path: string, key: string, fields: Fields, warn: Warn): void {
  const shown = path.length > 120 ? `${path.slice(0, 120)}…` : path;
  const near = key.length > 64 ? undefined : nearest(key, Object.keys(fields));
  warn(`Unknown field ${shown} is ignored${near ? `; the nearest known one is ${near}` : ""}`);
}

/** The known word with the smallest edit distance, if that is at most 2, or a third of the word's length. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bound = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bound) [best, bound] = [candidate, distance];
  }
  return best;
}

/** The Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

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
