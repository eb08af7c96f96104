/**
 * What this process may do, and what becomes of errors that nobody caught.
 *
 * @module
 */

/** Gives up the right to start programs, for good. Takes some 0.1 ms. */
export function forgoPrograms(): void {
  Deno.permissions.revokeSync({ name: "run" });
}

/**
 * Tells of errors that nobody caught: exceptions in callbacks, and rejections that nobody waits for. Without this they end the process with
 * a stack trace.
 */
export function onUncaught(handle: (error: unknown) => void): void {
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    handle(event.error);
  });
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    handle(event.reason);
  });
}
