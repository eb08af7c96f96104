/**
 * Parses the settings for the reuse of addresses: `order` and `reuse_after`.
 *
 * @module
 */
import type { IpRange } from "../address/range.ts";
import { UNITS } from "../values/duration.ts";
import { type Document, quote, text } from "./document.ts";
import { ConfigError } from "./types.ts";

type Reuse = Pick<IpRange, "order" | "reuseAfter">;

/** Max milliseconds of `reuse_after`: a day is longer than neighbours, connections and names are cached. */
const MAX_REUSE_AFTER = 24 * 3_600_000;

/**
 * Reads both settings of a range.
 *
 * @param byDefault the settings of the network, for a range that does not have the fields
 * @throws {ConfigError} an unknown order or an invalid duration
 */
export function parseReuse(document: Document, path: string, byDefault: Reuse = {}): Reuse {
  const order = parseOrder(document, path) ?? byDefault.order;
  const after = parseReuseAfter(document, path) ?? byDefault.reuseAfter ?? 0;
  return { ...(order && { order }), ...(after > 0 && { reuseAfter: after }) };
}

function parseOrder(document: Document, path: string): IpRange["order"] | undefined {
  const value = text(document, "order");
  if (value === undefined || value === "lowest" || value === "rotate" || value === "random") return value;
  const field = `${path}.order`;
  throw new ConfigError(field, `Cannot use ${field} ${quote(value)}: expected "lowest", "rotate" or "random"`);
}

/** In milliseconds. 0: released addresses do not rest. */
function parseReuseAfter(document: Document, path: string): number | undefined {
  const value = text(document, "reuse_after");
  if (value === undefined) return undefined;
  const [, count, unit = ""] = /^(\d{1,6})([smh])$/.exec(value) ?? [];
  const milliseconds = value === "0" ? 0 : Number(count) * (UNITS[unit] ?? NaN);
  if (milliseconds <= MAX_REUSE_AFTER) return milliseconds;
  const field = `${path}.reuse_after`;
  throw new ConfigError(
    field,
    `Cannot read ${field} ${quote(value)}: expected a duration of at most 24h such as "60s", "5m" or "1h"`,
  );
}
