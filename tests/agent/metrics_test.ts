import assert from "node:assert/strict";
import { AgentMetrics } from "../../src/agent/metrics.ts";

Deno.test("AgentMetrics renders the text format of Prometheus", () => {
  const metrics = new AgentMetrics({ inFlight: () => 3, queued: () => 2, pending: () => 4, duplicates: () => 1 });
  metrics.served("ADD", "success", 20, "blue");
  metrics.committed(7, 12);
  metrics.operated("commit", "conflict", 3);
  metrics.operated("commit", "success", 4);
  metrics.operated("reserve", "unavailable", 4);
  metrics.completed(5);
  metrics.restored(2);
  metrics.gaveUp(6);
  metrics.sliced("taken");
  for (let i = 0; i < 3; i++) metrics.sliced("borrowed");
  const text = metrics.text();
  for (const line of text.trimEnd().split("\n")) assert.match(line, /^(# (HELP|TYPE) \w+ .+|\w+(\{.*\})? [\d.e+-]+)$/);
  for (
    const line of [
      "requests_in_flight 3",
      "queue_length 2",
      "releases_pending 4",
      'requests_total{verb="ADD",outcome="success",network="blue"} 1',
      'requests_total{verb="ADD",outcome="error",network="blue"} 0',
      'request_seconds_count{verb="ADD",outcome="success"} 1',
      "batch_size_sum 7",
      "commit_seconds_sum 0.012",
      'conflicts_total{operation="commit"} 1',
      'retries_total{reason="conflict"} 1',
      'retries_total{reason="unavailable"} 1',
      'store_seconds_count{operation="commit",outcome="success"} 1',
      "releases_completed_total 5",
      "restored_entries_total 2",
      "duplicate_addresses 1",
      "releases_given_up_total 6",
      "node_slices_taken_total 1",
      "addresses_borrowed_total 3",
    ]
  ) assert(text.includes(`whereabouts_agent_${line}\n`), line);
});

Deno.test("AgentMetrics counts a bounded number of networks by name", () => {
  const metrics = new AgentMetrics({ inFlight: () => 0, queued: () => 0, pending: () => 0, duplicates: () => 0 });
  for (let i = 0; i < 300; i++) metrics.served("ADD", "error", 1, `n${i}`);
  metrics.served("ADD", "error", 1, "n99");
  metrics.served("DEL", "error", 1, "");
  const series = metrics.text().split("\n").filter((line) => line.startsWith("whereabouts_agent_requests_total{"));
  assert.equal(
    new Set(series.map((line) => /network="([^"]*)"/.exec(line)?.[1])).size,
    102,
    "100, the others, no name",
  );
  for (
    const line of [
      'verb="ADD",outcome="error",network="n99"} 2',
      'verb="ADD",outcome="error",network="(further)"} 200',
      'verb="DEL",outcome="error"} 1',
    ]
  ) assert(series.some((one) => one.endsWith(line)), line);
});
