/**
 * JSON objects read against a table of fields.
 *
 * @module
 */
import { isObject } from "../values/json.ts";
import type { Fields, FieldType } from "./schema.ts";
import { ConfigError } from "./types.ts";

/** An object with known keys only, spelled as the table has them, at every depth; values are of the table's types. */
export type Document = Readonly<Record<string, unknown>>;

/** Where to put what an operator should know. */
export type Warn = (warning: string) => void;

/** Texts and objects a list may have, at most: a larger one is a mistake or an attack. */
const MOST_TEXTS = 10_000;
const MOST_OBJECTS = 1_000;
/** Unknown keys of one object that are told one by one. Looking for the nearest known key takes time. */
const MOST_UNKNOWN = 10;
/** Characters of a value in messages. */
const LONGEST_QUOTE = 80;

/**
 * Reads an object. Keys match exactly, else without regard to case, as Go's decoder has it; `null` is absence. Unknown keys are
 * accepted with a warning that names the nearest known one.
 *
 * @throws {ConfigError} it is no object, or a value is of another type; the field is named
 */
export function readDocument(value: unknown, fields: Fields, path: string, warn: Warn): Document {
  if (!isObject(value)) throw new ConfigError(path, `Cannot read ${path}: found ${kindOf(value)}, wanted an object`);
  const document: Record<string, unknown> = {};
  const unknown: string[] = [];
  for (const [key, member] of Object.entries(value)) {
    const known = Object.hasOwn(fields, key)
      ? key
      : Object.keys(fields).find((one) => sameWord(one, key) && !Object.hasOwn(value, one));
    if (known === undefined) unknown.push(key);
    else if (member !== null) document[known] = checked(member, fields[known], `${path}.${known}`, warn);
  }
  for (const key of unknown.slice(0, MOST_UNKNOWN)) warnUnknown(`${path}.${key}`, key, fields, warn);
  if (unknown.length > MOST_UNKNOWN) {
    warn(`${unknown.length - MOST_UNKNOWN} more unknown fields of ${path} are ignored`);
  }
  return document;
}

/** Whether a key stands for a field, spelled as it or in another case. */
export function isKnown(key: string, fields: Fields): boolean {
  return Object.hasOwn(fields, key) || Object.keys(fields).some((one) => sameWord(one, key));
}

/** A member of an object by the same rule for keys; undefined where absent. */
export function lookup(value: Record<string, unknown>, key: string): unknown {
  if (Object.hasOwn(value, key)) return value[key];
  const variant = Object.keys(value).find((one) => sameWord(one, key));
  return variant === undefined ? undefined : value[variant];
}

function sameWord(a: string, b: string): boolean {
  return a.length === b.length && a.toLowerCase() === b.toLowerCase();
}

/** A member of a document as text; undefined where absent or empty. */
export function text(document: Document, key: string): string | undefined {
  const value = document[key];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** A member of a document as a list; empty where absent. */
export function list(document: Document, key: string): readonly unknown[] {
  const value = document[key];
  return Array.isArray(value) ? value : [];
}

/** What a value is, for messages: its type, and the value itself where it is short. */
export function describe(value: unknown): string {
  return typeof value === "string" ? `string ${quote(value)}` : kindOf(value);
}

/** What a value is where no text was wanted. A text may be anything, a secret too: it is not shown. */
function kindOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (isObject(value)) return "an object";
  return typeof value === "string" ? "a string" : `${typeof value} ${value}`;
}

/** A text in quotes, for messages: its beginning where it is long. */
export function quote(value: string): string {
  return JSON.stringify(value.length > LONGEST_QUOTE ? `${value.slice(0, LONGEST_QUOTE)}…` : value);
}

function checked(value: unknown, type: FieldType | undefined, path: string, warn: Warn): unknown {
  const fail = (wanted: string, found: unknown, at = path): never => {
    const isScalar = type === "string" || type === "boolean" || type === "integer";
    const shown = at.endsWith("password") ? `a ${typeof found}` : isScalar ? describe(found) : kindOf(found);
    throw new ConfigError(at, `Cannot use ${at}: found ${shown}, wanted ${wanted}`);
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
      const most = type === "strings" ? MOST_TEXTS : MOST_OBJECTS;
      if (value.length > most) return fail(`at most ${most} elements`, value);
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

/** The known word within a third of the length in edits, if any. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bound = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bound) [best, bound] = [candidate, distance];
  }
  return best;
}

/** Levenshtein's distance. */
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
