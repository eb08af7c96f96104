/**
 * Numbers and times as text.
 *
 * @module
 */

/** A number from which on a power of two is shown: about a million million. */
const POWER_FROM = 2n ** 40n;

/** A count with thin spaces between thousands; a huge one as `~2^64`. */
export function formatCount(count: bigint | number): string {
  const whole = BigInt(count);
  if (whole < POWER_FROM) return `${whole}`.replace(/\B(?=(\d{3})+$)/g, "\u2009");
  const exponent = whole.toString(2).length - 1;
  const up = whole - (1n << BigInt(exponent)) > (1n << BigInt(exponent)) / 2n;
  return `~2^${up ? exponent + 1 : exponent}`;
}

/** The used part of a capacity, from 0 to 1. A pool without capacity is full. */
export function fillOf(used: number, capacity: bigint): number {
  if (capacity <= 0n) return 1;
  return Math.min(1, used / Number(capacity));
}

/** A part as a percentage: `<1 %` if it is not zero, and 100 % only if it is all. */
export function formatPercent(part: number): string {
  if (part > 0 && part < 0.01) return "<1 %";
  return `${Math.floor(part * 100 + 1e-9)} %`;
}

const UNITS: readonly (readonly [name: string, milliseconds: number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
];

/** A duration in one unit, rounded down: `3 h`. Beyond a year: `over 1 y`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds > 365 * 86_400_000) return "over 1 y";
  const [name, unit] = UNITS.find(([, unit]) => milliseconds >= unit) ?? ["s", 1_000];
  return `${Math.floor(milliseconds / unit)} ${name}`;
}

/** `1 pool`, `2 pools`. */
export function formatNumberOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}
