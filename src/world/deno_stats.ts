/**
 * What the runtime knows about this process. The rest of what is usual, such as open files, is in `/proc`, which Deno refuses to a program
 * without all permissions.
 *
 * @module
 */
import process from "node:process";
import type { ProcessStats } from "./platform.ts";

/** Reads the counts. */
export function readProcessStats(): ProcessStats {
  const { user, system } = process.cpuUsage(); // microseconds
  return {
    cpuSeconds: (user + system) / 1_000_000,
    residentBytes: Deno.memoryUsage().rss,
    startSeconds: performance.timeOrigin / 1_000,
  };
}
