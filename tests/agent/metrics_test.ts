import assert from "node:assert/strict";
import { AgentMetrics, Counter, Histogram } from "../../src/agent/metrics.ts";

Deno.test("Counter counts by labels, and no label value breaks the text", () => {
  const counter = new Counter("c_total", "Things");
  counter.add({ verb: "ADD" });
  counter.add({ verb: "ADD" }, 2);
  counter.add({ verb: 'x"\n\\' });
  assert.deepEqual(counter.lines(), [
    "# HELP c_total Things",
    "# TYPE c_total counter",
    'c_total{verb="ADD"} 3',
    'c_total{verb="x___"} 1',
  ]);
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

Deno.test("AgentMetrics is text in the format of Prometheus", () => {
  const metrics = new AgentMetrics(() => 3, () => 4);
  metrics.requests.add({ verb: "ADD", outcome: "success" });
  const text = metrics.text();
  for (const line of text.trimEnd().split("\n")) assert.match(line, /^(# (HELP|TYPE) \w+ .+|\w+(\{.*\})? [\d.e+-]+)$/);
  assert.match(text, /whereabouts_agent_requests_in_flight 3\n/);
  assert.match(text, /whereabouts_agent_releases_pending 4\n/);
});
