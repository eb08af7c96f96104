/**
 * When the sweep runs: a cron expression as in the original, or an interval.
 *
 * @module
 */
import { Cron } from "npm:croner@9.1.0";
import { UNITS } from "../values/duration.ts";
import { messageOf } from "../values/errors.ts";

/** A moment on both clocks: a cron expression names times of day; an interval is a duration, which setting the clock must not change. */
export interface Moment {
  /** Milliseconds since 1970. */
  readonly wall: number;
  /** Milliseconds of the monotonic clock. */
  readonly monotonic: number;
}

/** A schedule. */
export interface Schedule {
  /** As configured. */
  readonly text: string;
  /** Whether a run is due after `from` and not after `to`. */
  readonly due: (from: Moment, to: Moment) => boolean;
  /** When the run after a time is due, both in milliseconds since 1970; Infinity: never. */
  readonly after: (wall: number) => number;
}

/** Min. milliseconds between two sweeps: a sweep of a large cluster takes seconds. */
const MIN_INTERVAL = 10_000;

/**
 * Reads a schedule: five fields (UTC, unless `TZ=` or `CRON_TZ=` names a zone in front), a descriptor such as `@daily`, or an interval such as
 * `@every 1h30m` or `5m`.
 *
 * @throws {RangeError} the text is invalid, or names a time that never comes
 */
export function parseSchedule(text: string): Schedule {
  const written = text.trim();
  const interval = parseInterval(written.replace(/^@every\s+/, ""));
  if (interval !== undefined) {
    if (interval >= MIN_INTERVAL) {
      return {
        text: written,
        due: (from, to) => to.monotonic - from.monotonic >= interval,
        after: (wall) => wall + interval,
      };
    }
    throw new RangeError(`Invalid schedule ${JSON.stringify(written)}: expected at least ${MIN_INTERVAL / 1_000}s`);
  }
  const [, timezone = "UTC", expression = written] = /^(?:CRON_)?TZ=(\S+)\s+(.+)$/.exec(written) ?? [];
  if (!/^@\w+$|^\S+(\s+\S+){4}$/.test(expression)) throw invalid(written, "no cron expression of five fields");
  let cron: Cron;
  try {
    cron = new Cron(expression, { timezone, paused: true });
  } catch (error) {
    throw invalid(written, messageOf(error), error);
  }
  const next = (from: number) => cron.nextRun(new Date(from));
  let first: Date | null;
  try {
    first = next(Date.UTC(2026, 0, 1));
  } catch (error) {
    throw invalid(written, `zone ${timezone}: ${error}`, error);
  }
  if (!first) throw invalid(written, "no time matches it");
  const after = (wall: number) => next(wall)?.getTime() ?? Infinity;
  return { text: written, due: (from, to) => after(from.wall) <= to.wall, after };
}

/** A duration as Go writes it: `1h30m`, `90s`. */
function parseInterval(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return undefined;
  return [...text.matchAll(/(?<![\d.])(\d+(?:\.\d+)?)(ms|s|m|h)/g)].reduce(
    (sum, [, count = "0", unit = "s"]) => sum + Number(count) * (UNITS[unit] ?? 0),
    0,
  );
}

function invalid(text: string, why: string, cause?: unknown): RangeError {
  return new RangeError(
    `Invalid schedule ${
      JSON.stringify(text)
    }: ${why}; expected five cron fields, a descriptor such as @daily, or an interval such as 5m`,
    { cause },
  );
}
