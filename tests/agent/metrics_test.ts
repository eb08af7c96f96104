import assert from "node:assert/strict";
import { AgentMetrics } from "../../src/agent/metrics.ts";

Deno.test("AgentMetrics renders the text format of Prometheus", () => {
  const metrics = new AgentMetrics({ inFlight: () => 3, queued: () => 2, pending: () => 4, duplicates: () => 1 });
  metrics.served("ADD", "success", 20);
  metrics.committed(7, 12);
  metrics.operated("commit", "conflict", 3);
  metrics.operated("commit", "success", 4);
  metrics.operated("reserve", "unavailable", 4);
  metrics.completed(5);
  metrics.restored(2);
  metrics.gaveUp(6);
  const text = metrics.text();
  assert.match(text, /^whereabouts_build_info\{version="\d+\.\d+\.\d+",revision="unknown"\} 1$/m);
  for (const line of text.trimEnd().split("\n")) assert.match(line, /^(# (HELP|TYPE) \w+ .+|\w+(\{.*\})? [\d.e+-]+)$/);
  for (
    const line of [
      "requests_in_flight 3",
      "queue_length 2",
      "releases_pending 4",
      'requests_total{verb="ADD",outcome="success"} 1',
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
    ]
  ) assert(text.includes(`whereabouts_agent_${line}\n`), line);
});
