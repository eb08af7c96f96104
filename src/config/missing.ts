/**
 * The error for a network without a range.
 *
 * @module
 */
import { describe, nearest } from "./document.ts";
import type { Fields } from "./schema.ts";
import { ConfigError } from "./types.ts";

/** The fields to allocate addresses from. */
const SOURCES = ["range", "ipRanges", "addresses"];

/** Fields of the plugin host-local, and this plugin's counterparts. */
const HOST_LOCAL: Readonly<Record<string, string>> = {
  subnet: "range",
  ranges: "ipRanges",
  rangeStart: "range_start",
  rangeEnd: "range_end",
};

/** The maximum number of fields to compare: a hostile object has thousands. */
const MAX_COMPARED = 100;
/** Longer field names are neither compared nor shown. */
const MAX_NAME_LENGTH = 64;

/**
 * The error for an object without a range. It names the field that was probably meant: a misspelt one, or one of host-local.
 *
 * @param value the object as written
 * @param path its path, such as `ipam` or `ipam.ipRanges[1]`
 * @param fields its known fields
 */
export function missingRange(value: Readonly<Record<string, unknown>>, path: string, fields: Fields): ConfigError {
  const known = Object.keys(fields);
  const sources = SOURCES.filter((one) => known.includes(one)).join(", ");
  const found = hintOf(value, path, known) ?? `found ${describe(value.range)}`;
  return new ConfigError(
    `${path}.range`,
    `Missing ${path}.range (fields to allocate from: ${sources}), a CIDR such as "10.0.0.0/24": ${found}`,
  );
}

function hintOf(value: Readonly<Record<string, unknown>>, path: string, known: readonly string[]): string | undefined {
  const unknown = Object.keys(value).filter((key) => !known.includes(key) && key.length <= MAX_NAME_LENGTH);
  const foreign = unknown.filter((key) => Object.hasOwn(HOST_LOCAL, key));
  if (foreign.length > 0) {
    return foreign.map((key) => `${path}.${key} is a field of host-local, here it is ${HOST_LOCAL[key]}`).join(", ");
  }
  const near = unknown.slice(0, MAX_COMPARED).map((key) => [key, nearest(key, known)] as const);
  const misspelt = near.find(([, word]) => word !== undefined && SOURCES.includes(word));
  return misspelt && `found ${path}.${misspelt[0]}: did you mean ${misspelt[1]}?`;
}
