/**
 * What the kernel counts about this process, from `/proc`.
 *
 * @module
 */
import type { ProcessStats } from "./platform.ts";

/** Clock ticks per second in `/proc`: USER_HZ, which the kernel fixes for programs on all architectures that we compile for. */
const TICKS = 100;
/** Indexes of fields of `/proc/self/stat` after the name of the program, which may contain blanks (proc_pid_stat(5), fields 14, 15, 22, 23). */
const [USER_TIME, SYSTEM_TIME, START_TIME, ADDRESS_SPACE] = [11, 12, 19, 20] as const;

/** Reads the counts. */
export function readProcessStats(): ProcessStats {
  const stat = Deno.readTextFileSync("/proc/self/stat");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ").map(Number);
  const field = (index: number) => fields[index] ?? Number.NaN;
  return {
    cpuSeconds: (field(USER_TIME) + field(SYSTEM_TIME)) / TICKS,
    residentBytes: Deno.memoryUsage().rss,
    virtualBytes: field(ADDRESS_SPACE),
    openFiles: [...Deno.readDirSync("/proc/self/fd")].length,
    maxFiles: numberIn("/proc/self/limits", /^Max open files +(\d+)/m),
    startSeconds: numberIn("/proc/stat", /^btime (\d+)$/m) + field(START_TIME) / TICKS,
  };
}

/** @returns NaN if the file has no such number, as for `unlimited` */
function numberIn(path: string, pattern: RegExp): number {
  return Number(pattern.exec(Deno.readTextFileSync(path))?.[1]);
}
