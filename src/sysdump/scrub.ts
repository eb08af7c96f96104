/**
 * Removes what may be a secret from free text: logs and messages of events. Values of fields go through an allow list instead.
 *
 * @module
 */
import { isObject } from "../values/json.ts";

/** Shapes of secrets, and what remains of them. */
const SHAPES: readonly (readonly [pattern: RegExp, shown: string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, "[secret: private key]"],
  [/\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+/g, "[secret: token]"],
  [/\b(Bearer|Basic) +[\w.~+/=-]{8,}/gi, "$1 [secret]"],
  [/(:\/\/)[^\s/@"']+@/g, "$1…@"],
  // a name that ends in one of these words, then a value: password=x, "etcd_password": "x", client-key-data: x
  [
    /((?:password|passwd|token|secret|client-key-data|api[_-]?key)["']?[ \t]*[:=][ \t]*)(?:"[^"\n]*"|'[^'\n]*'|[^\s"',;}\])]+)/gi,
    "$1[secret]",
  ],
];

/** A value of JSON with {@linkcode scrub} applied to each of its texts. */
export function scrubValue(value: unknown): unknown {
  if (typeof value === "string") return scrub(value);
  if (Array.isArray(value)) return value.map(scrubValue);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, scrubValue(member)]));
}

/** The text without logins in URLs, tokens, keys and passwords. */
export function scrub(text: string): string {
  return SHAPES.reduce((rest, [pattern, shown]) => rest.replace(pattern, shown), text);
}
