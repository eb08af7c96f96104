import assert from "node:assert/strict";
import { AgentMetrics } from "../../src/agent/metrics.ts";

Deno.test("AgentMetrics is text in the format of Prometheus", () => {
  const metrics = new AgentMetrics(() => 3, () => 4);
  metrics.requests.add({ verb: "ADD", outcome: "success" });
  const text = metrics.text();
  for (const line of text.trimEnd().split("\n")) assert.match(line, /^(# (HELP|TYPE) \w+ .+|\w+(\{.*\})? [\d.e+-]+)$/);
  assert.match(text, /whereabouts_agent_requests_in_flight 3\n/);
  assert.match(text, /whereabouts_agent_releases_pending 4\n/);
});
