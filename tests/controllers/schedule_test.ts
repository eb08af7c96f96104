import assert from "node:assert/strict";
import { parseSchedule } from "../../src/controllers/schedule.ts";

const MIDNIGHT = Date.UTC(2026, 0, 5);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Schedules, and the minute after midnight (UTC) of a Monday at which each is due first. */
const CASES: readonly (readonly [string, number])[] = [
  ["*/5 * * * *", 5],
  ["30 4 * * *", 4 * 60 + 30],
  [" 30 4 * * * \n", 4 * 60 + 30],
  ["@hourly", 60],
  ["@daily", 24 * 60],
  ["@every 1h30m", 90],
  ["90s", 1.5],
  ["TZ=Europe/Berlin 0 6 * * *", 5 * 60],
  ["CRON_TZ=America/New_York 0 0 * * *", 5 * 60],
  ["0 0 * * TUE", 24 * 60],
];

for (const [text, minutes] of CASES) {
  Deno.test(`parseSchedule reads ${JSON.stringify(text)}`, () => {
    const { due, after: next, text: shown } = parseSchedule(text);
    const after = (milliseconds: number) => ({ wall: MIDNIGHT + milliseconds, monotonic: milliseconds });
    const dueAfter = (milliseconds: number) => due(after(0), after(milliseconds));
    const at = minutes * MINUTE;
    assert.deepEqual([dueAfter(at - 1), dueAfter(at), dueAfter(at + HOUR)], [false, true, true]);
    assert.equal(next(MIDNIGHT), MIDNIGHT + at);
    assert.equal(shown, text.trim());
  });
}

for (
  const text of [
    "",
    "often",
    "* * * *",
    "* * * * * *",
    "61 * * * *",
    "0 0 31 2 *",
    "@sometimes",
    "1s",
    "TZ=Nowhere/City 0 0 * * *",
  ]
) {
  Deno.test(`parseSchedule refuses ${JSON.stringify(text)}, and names the expected form`, () => {
    assert.throws(() => parseSchedule(text), (error: Error) => {
      assert(error instanceof RangeError);
      assert(error.message.includes(JSON.stringify(text)), error.message);
      assert.match(error.message, /expected/);
      return true;
    });
  });
}
