/**
 * Permissions and uncaught errors of this process.
 *
 * @module
 */

/** Permanently revokes the permission to start programs. Takes about 0.1 ms. */
export function forgoPrograms(): void {
  Deno.permissions.revokeSync({ name: "run" });
}

/**
 * Handles uncaught errors: exceptions in callbacks, and unhandled rejections. Without a handler they end the process with a stack trace.
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
