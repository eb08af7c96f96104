/**
 * Times processes as a runtime sees them.
 *
 * @module
 */
import { type Call, environmentOf } from "../support/binary.ts";

/** The measurement of a scenario. */
export interface Measured {
  /** Wall time of each call, in milliseconds, ascending. */
  readonly times: readonly number[];
  /** Wall time of all of them, in milliseconds. */
  readonly elapsed: number;
  /** CPU time of the processes, user and system, in milliseconds per call. */
  readonly cpu: number;
}

/** Clock ticks of `/proc`, in milliseconds. */
const TICK = 10;

/**
 * Runs calls, at most `width` at the same time.
 *
 * @throws an Error with the answer of the first call that fails: a bench of failures measures nothing
 */
export async function measure(
  path: string,
  calls: readonly Call[],
  width: number,
  env: Readonly<Record<string, string>> = {},
): Promise<Measured> {
  const times: number[] = [];
  let next = 0;
  const cpuBefore = childrenCpu();
  const start = performance.now();
  const worker = async () => {
    for (let call = calls[next++]; call; call = calls[next++]) times.push(await once(path, call, env));
  };
  await Promise.all(Array.from({ length: width }, worker));
  const elapsed = performance.now() - start;
  return { times: times.sort((a, b) => a - b), elapsed, cpu: (childrenCpu() - cpuBefore) / calls.length };
}

/** A program and its calls. */
export interface Contender {
  /** Its path. */
  readonly path: string;
  /** Its calls. */
  readonly calls: readonly Call[];
  /** Further environment variables. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs the calls of programs one after another, alternately, so that the state of the machine is the same for all. */
export async function measureByTurns(contenders: readonly Contender[]): Promise<Measured[]> {
  const results = contenders.map(() => ({ times: [] as number[], elapsed: 0, cpu: 0 }));
  const rounds = Math.max(...contenders.map(({ calls }) => calls.length));
  for (let round = 0; round < rounds; round++) {
    for (const [i, { path, calls, env = {} }] of contenders.entries()) {
      const [call, result] = [calls[round], results[i]];
      if (!call || !result) continue;
      const cpuBefore = childrenCpu();
      const time = await once(path, call, env);
      result.times.push(time);
      result.elapsed += time;
      result.cpu += (childrenCpu() - cpuBefore) / calls.length;
    }
  }
  return results.map(({ times, elapsed, cpu }) => ({ times: times.sort((a, b) => a - b), elapsed, cpu }));
}

/**
 * Runs one call as a process and returns its milliseconds.
 *
 * @throws an Error with the answer of a call that fails
 */
export async function once(path: string, call: Call, env: Readonly<Record<string, string>> = {}): Promise<number> {
  const input = new TextEncoder().encode(JSON.stringify(call.conf));
  const start = performance.now();
  const child = new Deno.Command(path, {
    env: { ...environmentOf(call), ...env },
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(input).catch(() => {});
  await writer.close().catch(() => {});
  const { code, stdout } = await child.output();
  const elapsed = performance.now() - start;
  if (code !== 0) throw new Error(`${path} ${call.verb} failed: ${new TextDecoder().decode(stdout)}`);
  return elapsed;
}

/** CPU time of children that ended and were waited for (proc(5): cutime and cstime), in milliseconds. */
export function childrenCpu(): number {
  const stat = Deno.readTextFileSync("/proc/self/stat");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) * TICK;
}

/** The value below which the given share of the times lies. */
export function percentile({ times }: Measured, share: number): number {
  return times[Math.min(times.length - 1, Math.ceil(times.length * share) - 1)] ?? Number.NaN;
}
