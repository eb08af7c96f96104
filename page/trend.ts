/**
 * How the use of pools has changed since the page was opened, and when they are full if they continue to grow like that.
 *
 * @module
 */

/** The use of a pool at a time in milliseconds. */
export interface Point {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Number of allocations. */
  readonly used: number;
}

/** Max points of a pool. Beyond them every second one is dropped, so that they still cover the whole time. */
const MAX_POINTS = 120;

/** Milliseconds that a trend must cover before anything is forecast. */
const MIN_SPAN = 30_000;

/** Adds a point to those of a pool. A later point at the same time is ignored. */
export function addPoint(points: readonly Point[], point: Point): readonly Point[] {
  const last = points.at(-1);
  if (last && last.at >= point.at) return points;
  const kept = points.length < MAX_POINTS ? points : points.filter((_, i) => i % 2 === 0);
  return [...kept, point];
}

/** The change per millisecond that fits the points best (least squares); undefined if they cover too little time. */
export function slopeOf(points: readonly Point[]): number | undefined {
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last || last.at - first.at < MIN_SPAN) return undefined;
  const count = points.length;
  const meanTime = points.reduce((sum, { at }) => sum + (at - first.at), 0) / count;
  const meanUsed = points.reduce((sum, { used }) => sum + used, 0) / count;
  let [above, below] = [0, 0];
  for (const { at, used } of points) {
    const distance = at - first.at - meanTime;
    above += distance * (used - meanUsed);
    below += distance * distance;
  }
  return above / below;
}

/** Milliseconds until a pool is full; undefined if it does not grow, or too little is known. A full pool: 0. */
export function untilFull(points: readonly Point[], free: bigint): number | undefined {
  if (free <= 0n) return 0;
  const slope = slopeOf(points);
  return slope === undefined || slope <= 0 ? undefined : Number(free) / slope;
}

/** The change since the first point. */
export function changeOf(points: readonly Point[]): number {
  return (points.at(-1)?.used ?? 0) - (points[0]?.used ?? 0);
}
