/**
 * The flags that say how long evidence must last before it frees an address.
 *
 * @module
 */
import type { EvidenceRules } from "../pool/evidence.ts";

/** The least time, in milliseconds: while an ADD or DEL is under way an entry and its reservation may differ. */
export const LEAST_GRACE = 5_000;
/** The longest: nobody waits for a sweep longer than a day. */
const MOST_GRACE = 86_400_000;

const UNITS: Readonly<Record<string, number>> = { "": 1_000, s: 1_000, m: 60_000, h: 3_600_000 };

/**
 * Reads `--grace` and `--dead-node-grace`: seconds, or a number with `s`, `m` or `h`; the second may be `never`. Absent: as documented.
 *
 * @throws {RangeError} it is no such time, or too short or too long
 */
export function parseGraces(
  flags: { readonly grace?: string | undefined; readonly "dead-node-grace"?: string | undefined },
): Pick<EvidenceRules, "grace" | "deadNodeGrace"> {
  const { grace, "dead-node-grace": deadNode } = flags;
  return {
    ...(grace !== undefined && { grace: parseGrace("--grace", grace, "") }),
    ...(deadNode !== undefined && {
      deadNodeGrace: deadNode === "never" ? "never" : parseGrace("--dead-node-grace", deadNode, ", or never"),
    }),
  };
}

function parseGrace(flag: string, text: string, or: string): number {
  const [, digits = "", unit = ""] = /^(\d+(?:\.\d+)?)([smh]?)$/.exec(text) ?? [];
  const milliseconds = digits === "" ? NaN : Number(digits) * (UNITS[unit] ?? NaN);
  if (milliseconds >= LEAST_GRACE && milliseconds <= MOST_GRACE) return milliseconds;
  throw new RangeError(`${flag} ${JSON.stringify(text)}: expected 5 s to 24 h, such as 30, 90s or 5m${or}`);
}
