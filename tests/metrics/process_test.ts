import assert from "node:assert/strict";
import { renderMetrics } from "../../src/metrics/metrics.ts";
import { processMetrics } from "../../src/metrics/process.ts";
import { readProcessStats } from "../../src/world/deno_stats.ts";

Deno.test("processMetrics has the standard names, with a value for each on this machine", () => {
  const text = renderMetrics(processMetrics(readProcessStats()));
  const values = Object.fromEntries(
    [...text.matchAll(/^(\w+) (\S+)$/gm)].map(([, name, value]) => [name, Number(value)]),
  );
  assert.deepEqual(Object.keys(values), [
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_virtual_memory_bytes",
    "process_open_fds",
    "process_max_fds",
    "process_start_time_seconds",
  ]);
  for (const [line, , value] of values) assert(Number(value) > 0, line);
});
