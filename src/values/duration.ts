/**
 * Units of durations in settings and flags.
 *
 * @module
 */

/** Milliseconds of each unit. Each setting accepts only some of them. */
export const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
