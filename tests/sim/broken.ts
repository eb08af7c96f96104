/**
 * How a run reports a broken promise, with the command that repeats it.
 *
 * @module
 */
import type { Scheduler } from "./scheduler.ts";

/** Lines of the trace that an error shows, unless `SIM_TRACE` asks for all. */
const SHOWN = 60;

/** Thrown when a promise is broken. */
export class BrokenPromiseError extends Error {
  /** The class, which distinguishes it from faults of the simulation. */
  override name = "BrokenPromiseError";
}

/** Runs a history. @throws {BrokenPromiseError} with its seed and world, the end of its trace, and the command that repeats it */
export async function orBroken(
  { seed, world }: { readonly seed: number; readonly world: string },
  scheduler: Scheduler,
  run: () => Promise<void>,
): Promise<{ readonly trace: readonly string[] }> {
  try {
    await run();
  } catch (error) {
    const lines = scheduler.trace.slice(Deno.env.get("SIM_TRACE") ? 0 : -SHOWN).join("\n");
    const message = `${error instanceof Error ? error.message : error}\nseed ${seed}, after\n${lines}`;
    throw new BrokenPromiseError(`${message}\nReplay: deno run -A tests/sim/run.ts --seed ${seed} --world ${world}`, {
      cause: error,
    });
  }
  return { trace: scheduler.trace };
}
