/**
 * When the sweep runs: a cron expression as the original takes it, or an interval.
 *
 * @module
 */
import { Cron } from "croner";

/** A moment on both clocks: a cron expression names times of day, an interval is a duration that no set clock may change. */
export interface Moment {
  /** Milliseconds since 1970. */
  readonly wall: number;
  /** Milliseconds of the clock that nobody can set. */
  readonly monotonic: number;
}

/** A schedule. */
export interface Schedule {
  /** As written. */
  readonly text: string;
  /** Whether a run is due in the time after `from` and up to `to`. */
  readonly due: (from: Moment, to: Moment) => boolean;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
/** Milliseconds between two sweeps, at least. */
const LEAST = 10_000;

/**
 * Reads a schedule: five fields (UTC, unless `TZ=` or `CRON_TZ=` names a zone in front), a descriptor such as `@daily`, or an interval such as
 * `@every 1h30m` or `5m`.
 *
 * @throws {RangeError} it is none of these, or names no time
 */
export function parseSchedule(text: string): Schedule {
  const written = text.trim();
  const interval = parseInterval(written.replace(/^@every\s+/, ""));
  if (interval !== undefined) {
    if (interval >= LEAST) return { text: written, due: (from, to) => to.monotonic - from.monotonic >= interval };
    throw new RangeError(`Cannot sweep every ${JSON.stringify(written)}: wanted ${LEAST / 1_000}s or more`);
  }
  const [, timezone = "UTC", expression = written] = /^(?:CRON_)?TZ=(\S+)\s+(.+)$/.exec(written) ?? [];
  if (!/^@\w+$|^\S+(\s+\S+){4}$/.test(expression)) throw unusable(written, "it has not five fields");
  let cron: Cron;
  try {
    cron = new Cron(expression, { timezone, paused: true });
  } catch (error) {
    throw unusable(written, error instanceof Error ? error.message : String(error), error);
  }
  const next = (from: number) => cron.nextRun(new Date(from));
  try {
    if (!next(Date.UTC(2026, 0, 1))) throw unusable(written, "no time ever matches it");
  } catch (error) {
    throw error instanceof RangeError && error.message.startsWith("Cannot")
      ? error
      : unusable(written, `zone ${timezone}: ${error}`, error);
  }
  return { text: written, due: (from, to) => (next(from.wall)?.getTime() ?? Infinity) <= to.wall };
}

/** A duration as Go writes it: `1h30m`, `90s`. */
function parseInterval(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return undefined;
  return [...text.matchAll(/(?<![\d.])(\d+(?:\.\d+)?)(ms|s|m|h)/g)].reduce(
    (sum, [, count = "0", unit = "s"]) => sum + Number(count) * (UNITS[unit] ?? 0),
    0,
  );
}

function unusable(text: string, why: string, cause?: unknown): RangeError {
  return new RangeError(
    `Cannot use the schedule ${
      JSON.stringify(text)
    }: ${why}; wanted five cron fields, a descriptor such as @daily, or an interval such as 5m`,
    { cause },
  );
}
