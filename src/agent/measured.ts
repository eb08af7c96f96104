/**
 * Measures the operations of a store.
 *
 * @module
 */
import { ConflictError, RefusedError } from "../storage/driver.ts";
import type { Operation, Runner } from "../storage/wrap.ts";

/** How an operation of a store ended. Conflicts and unavailable stores are retried. */
export type OperationOutcome = "success" | "conflict" | "unavailable" | "refused";

/** Observes the outcome and the duration of each operation. */
export type ObserveOperation = (operation: Operation, outcome: OperationOutcome, milliseconds: number) => void;

/** Runs operations and reports each. `now` returns monotonic milliseconds. */
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

/** Any other error means that the store did not answer: the signal aborted, or the connection was lost. */
function outcomeOf(error: unknown): OperationOutcome {
  if (error instanceof ConflictError) return "conflict";
  return error instanceof RefusedError ? "refused" : "unavailable";
}
