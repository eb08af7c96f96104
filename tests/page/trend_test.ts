import assert from "node:assert/strict";
import { addPoint, changeOf, type Point, slopeOf, untilFull } from "../../page/trend.ts";

/** One point each ten seconds. */
function line(...used: number[]): Point[] {
  return used.map((used, i) => ({ at: 1_000_000 + i * 10_000, used }));
}

Deno.test("a trend needs half a minute, and is the slope of the line that fits best", () => {
  assert.equal(slopeOf(line(1, 2, 3)), undefined);
  assert.equal(slopeOf(line(1, 2, 3, 4)), 1 / 10_000);
  assert.equal(slopeOf(line(5, 5, 5, 5)), 0);
  assert.equal(slopeOf(line(9, 6, 3, 0)), -3 / 10_000);
  assert.equal(slopeOf(line(0, 2, 0, 2, 0)), 0);
});

Deno.test("a growing pool is full after its free addresses at that slope", () => {
  assert.equal(untilFull(line(1, 2, 3, 4), 6n), 60_000);
  assert.equal(untilFull(line(4, 3, 2, 1), 6n), undefined);
  assert.equal(untilFull(line(4, 4, 4, 4), 6n), undefined);
  assert.equal(untilFull([], 6n), undefined);
  assert.equal(untilFull([], 0n), 0);
});

Deno.test("points stay few, keep the first one, and ignore a state that is read twice", () => {
  let points: readonly Point[] = [];
  for (let i = 0; i < 10_000; i++) points = addPoint(points, { at: i, used: i });
  assert(points.length <= 121, `${points.length}`);
  assert.deepEqual([points[0]?.at, points.at(-1)?.at, changeOf(points)], [0, 9_999, 9_999]);
  assert.equal(addPoint(points, { at: 9_999, used: 1 }), points);
});
