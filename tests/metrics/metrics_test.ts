import assert from "node:assert/strict";
import { Counter, Gauge, Histogram, renderMetrics } from "../../src/metrics/metrics.ts";

Deno.test("Counter counts by labels, and escapes label values", () => {
  const counter = new Counter("c_total", "Things", [{ verb: "DEL" }]);
  counter.add({ verb: "ADD" });
  counter.add({ verb: "ADD" }, 2);
  counter.add({ verb: 'x"\n\\', network: "" });
  assert.deepEqual(counter.lines(), [
    "# HELP c_total Things",
    "# TYPE c_total counter",
    'c_total{verb="DEL"} 0',
    'c_total{verb="ADD"} 3',
    'c_total{verb="x\\"\\n\\\\"} 1',
  ]);
  assert.equal(new Counter("d_total", "Things").lines().at(-1), "d_total 0");
  assert.equal(new Counter("e_total", "Things", []).lines().at(-1), "# TYPE e_total counter");
});

Deno.test("Histogram counts into cumulative buckets", () => {
  const histogram = new Histogram("h", "Times", [1, 5]);
  for (const value of [0.5, 1, 3, 9]) histogram.observe(value);
  assert.deepEqual(histogram.lines().slice(2), [
    'h_bucket{le="1"} 2',
    'h_bucket{le="5"} 3',
    'h_bucket{le="+Inf"} 4',
    "h_sum 13.5",
    "h_count 4",
  ]);
});

Deno.test("Gauge reads its value, or one for each set of labels, when it is rendered", () => {
  let value = 1;
  const gauge = new Gauge("g", "Things", () => value);
  value = 2;
  assert.equal(gauge.lines().at(-1), "g 2");
  const labelled = new Gauge("l", "Things", () => [[{ pool: "a" }, 1], [{ pool: "b" }, 0]]);
  assert.deepEqual(renderMetrics([labelled]).split("\n").slice(2), ['l{pool="a"} 1', 'l{pool="b"} 0', ""]);
});
