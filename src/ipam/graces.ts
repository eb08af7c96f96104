/**
 * The flags for how long evidence must last before it frees an address.
 *
 * @module
 */
import type { EvidenceRules } from "../pool/evidence.ts";
import { UNITS } from "../values/duration.ts";

/** Min grace period in milliseconds: during an ADD or DEL an entry and its reservation may differ. */
export const MIN_GRACE = 5_000;
/** Max grace period in milliseconds: a sweep must not wait longer than a day. */
const MAX_GRACE = 86_400_000;

/**
 * Parses `--grace` and `--dead-node-grace`: seconds, or a number with `s`, `m` or `h`; the latter may be `never`. Absent flags stay absent.
 *
 * @throws {RangeError} a time is invalid, too short or too long
 *
 * @example
 * ```ts
 * import { parseGraces } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(parseGraces({ grace: "30s", "dead-node-grace": "never" }), { grace: 30_000, deadNodeGrace: "never" });
 * ```
 */
export function parseGraces(
  flags: { readonly grace?: string | undefined; readonly "dead-node-grace"?: string | undefined },
): Pick<EvidenceRules, "grace" | "deadNodeGrace"> {
  const { grace, "dead-node-grace": deadNode } = flags;
  return {
    ...(grace !== undefined && { grace: parseGrace("--grace", grace) }),
    ...(deadNode !== undefined && {
      deadNodeGrace: deadNode === "never" ? "never" : parseGrace("--dead-node-grace", deadNode, ", or never"),
    }),
  };
}

/** Parses the time of one flag. @throws {RangeError} it is invalid, too short or too long */
export function parseGrace(flag: string, text: string, or = ""): number {
  const [, digits = "", unit] = /^(\d+(?:\.\d+)?)([smh]?)$/.exec(text) ?? [];
  const milliseconds = digits === "" ? NaN : Number(digits) * (UNITS[unit || "s"] ?? NaN);
  if (milliseconds >= MIN_GRACE && milliseconds <= MAX_GRACE) return milliseconds;
  throw new RangeError(`${flag} ${JSON.stringify(text)}: expected 5 s to 24 h, such as 30, 90s or 5m${or}`);
}
