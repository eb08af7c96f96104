import assert from "node:assert/strict";
import { renderMetrics } from "../../src/metrics/metrics.ts";
import { processMetrics } from "../../src/metrics/process.ts";
import { readProcessStats } from "../../src/world/deno_stats.ts";

Deno.test("processMetrics has the standard names, with a value for each on this machine", () => {
  const text = renderMetrics(processMetrics(readProcessStats()));
  const values = [...text.matchAll(/^(\w+) (\S+)$/gm)];
  assert.deepEqual(values.map(([, name]) => name), [
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
  ]);
  for (const [line, , value] of values) assert(Number(value) > 0, line);
});
