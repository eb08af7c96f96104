/**
 * Programs that are started again when they end. The stories, which are other processes, hold and resume them.
 *
 * @module
 */
import { eventually } from "../tests/support/process.ts";

/** Runs a program again when it ends, but not while there is a file `NAME.hold`. Its process id stands in `NAME.pid`. */
const SUPERVISE = `while :; do
  while [ -e "$0.hold" ]; do sleep 0.1; done
  setpriv --pdeathsig KILL "$@" &
  echo $! >"$0.pid"
  wait $!
  sleep 0.2
done`;

/** A command that keeps another one running. `path` is what its files' names begin with. */
export function supervised(path: string, command: readonly string[]): readonly string[] {
  return ["sh", "-c", SUPERVISE, path, ...command];
}

/** Process id of the program that runs now. */
export async function pidOf(path: string): Promise<number> {
  return Number(await Deno.readTextFile(`${path}.pid`));
}

/** Ends the program at once. It stays down until {@linkcode resume}. */
export async function hold(path: string): Promise<void> {
  await Deno.writeTextFile(`${path}.hold`, "");
  const pid = await pidOf(path);
  Deno.kill(pid, "SIGKILL");
  await ended(pid);
}

/** Lets the program start again. It takes its time. */
export async function resume(path: string): Promise<void> {
  await Deno.remove(`${path}.hold`);
}

/** Waits until a process is no more, or waits for its parent only; `limit` in milliseconds. */
export async function ended(pid: number, limit?: number): Promise<void> {
  await eventually(`process ${pid} ended`, async () => {
    const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "");
    return /^$|\) [ZX] /.test(stat);
  }, limit);
}
