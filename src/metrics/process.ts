/**
 * Metrics of the process itself, under the standard names.
 *
 * @module
 */
import type { ProcessStats } from "../world/platform.ts";
import { Gauge, type Metric } from "./metrics.ts";

/** CPU, memory and the start of a process, as of now. */
export function processMetrics(stats: ProcessStats): readonly Metric[] {
  const { cpuSeconds, residentBytes, startSeconds } = stats;
  return [
    new Gauge("process_cpu_seconds_total", "CPU time, user and system, in seconds", () => cpuSeconds, "counter"),
    new Gauge("process_resident_memory_bytes", "Memory in RAM in bytes", () => residentBytes),
    new Gauge("process_start_time_seconds", "Start of the process in seconds since 1970", () => startSeconds),
  ];
}
