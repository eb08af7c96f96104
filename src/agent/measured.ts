/**
 * Operations of a store, timed and counted.
 *
 * @module
 */
import { ConflictError, RefusedError } from "../storage/driver.ts";
import type { Operation, Runner } from "../storage/wrap.ts";

/** How an operation of a store ended. The first two failures are tried again. */
export type OperationOutcome = "success" | "conflict" | "unavailable" | "refused";

/** Told of each operation: which, how it ended, and how long it took. */
export type ObserveOperation = (operation: Operation, outcome: OperationOutcome, milliseconds: number) => void;

/** Runs operations and reports each. */
export function measuring(now: () => number, observe: ObserveOperation): Runner {
  return async (operation, work, signal) => {
    const start = now();
    try {
      const result = await work(signal);
      observe(operation, "success", now() - start);
      return result;
    } catch (error) {
      observe(operation, outcomeOf(error), now() - start);
      throw error;
    }
  };
}

/** What is no conflict and no refusal of the store's own went unanswered: an aborted signal, or a lost connection. */
function outcomeOf(error: unknown): OperationOutcome {
  if (error instanceof ConflictError) return "conflict";
  return error instanceof RefusedError ? "refused" : "unavailable";
}
