/**
 * Documents, texts and answers that are nearly valid, from a seed.
 *
 * @module
 */

/** Returns numbers from 0 (inclusive) to 1 (exclusive). */
export type Chance = () => number;

/** Placed wherever a secret may be. It must never be in the output. */
export const SECRET = "s3cr3tMarkerThatNobodyMaySee";

/** One of several. */
export function pick<T>(chance: Chance, ...from: readonly T[]): T {
  return from[Math.floor(chance() * from.length)] as T;
}

/** An unexpected value. */
function strange(chance: Chance): unknown {
  return pick<unknown>(
    chance,
    null,
    true,
    0,
    -1,
    1e308,
    2 ** 53,
    "",
    " ",
    "\u0000",
    "../../x",
    "x".repeat(5_000),
    " ".repeat(5_000),
    "10.0.0.0/33",
    "fd00::/1",
    "\ud800",
    [],
    {},
    [[]],
    [null],
    { a: null },
    JSON.parse('{"__proto__": {"polluted": true}}'),
    nested(200),
    Array(300).fill("10.0.0.1"),
  );
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = i % 2 ? [value] : { a: value };
  return value;
}

/** A document with some members replaced, removed, duplicated or renamed. */
export function mutate(value: unknown, chance: Chance, rate = 0.08): unknown {
  if (chance() < rate) return strange(chance);
  if (Array.isArray(value)) {
    const items = value.flatMap((one) =>
      chance() < rate / 4 ? [] : chance() < rate / 4 ? [one, one] : [mutate(one, chance, rate)]
    );
    return items;
  }
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).flatMap(([name, one]): [string, unknown][] => {
    if (chance() < rate / 3) return [];
    const named = chance() < rate / 8
      ? pick(chance, name.toUpperCase(), `${name}x`, "", "__proto__", "constructor")
      : name;
    return [[named, mutate(one, chance, rate)]];
  });
  return Object.fromEntries(entries);
}

/** A text with pieces removed, duplicated, replaced or inserted. */
export function garble(text: string, chance: Chance, edits = 3): string {
  let garbled = text;
  for (let i = Math.floor(chance() * (edits + 1)); i > 0; i--) {
    const at = Math.floor(chance() * (garbled.length + 1));
    const end = Math.min(garbled.length, at + Math.floor(chance() * 40));
    const piece = pick(
      chance,
      "",
      garbled.slice(at, end).repeat(2),
      "\n",
      "\u0000",
      "{",
      "]",
      '"',
      ": ",
      "- ",
      "&a ",
      "*a ",
      "\t",
      "-----BEGIN CERTIFICATE-----\n",
      "é",
      "%",
    );
    garbled = garbled.slice(0, at) + piece + garbled.slice(chance() < 0.2 ? garbled.length : end);
  }
  return garbled;
}
