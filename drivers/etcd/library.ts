/**
 * Loads npm:etcd3, which was made for CommonJS: it looks for its protocol files beside `__dirname`, and for built-in modules through
 * `require`. In a bundle both are missing, so they are made first; `install/compile.ts` puts the files where they are then looked for.
 *
 * @module
 */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

/** What is used of the library. */
export interface Library {
  /** The client. */
  readonly Etcd3: typeof import("etcd3").Etcd3;
  /** The policy of doing nothing about a failure. */
  readonly noop: typeof import("cockatiel").noop;
}

/** Loads the library once. */
export async function loadLibrary(): Promise<Library> {
  const scope: { __dirname?: string; require?: unknown } = globalThis;
  scope.__dirname ??= fileURLToPath(new URL("./lib", import.meta.url)); // the library appends "/../proto"
  scope.require ??= createRequire(import.meta.url);
  const { Etcd3 } = exportsOf(await import("etcd3"));
  const { noop } = exportsOf(await import("cockatiel"));
  return { Etcd3, noop };
}

/** A bundle gives a CommonJS module's exports as its default alone. */
function exportsOf<T extends object>(module: T & { default?: T }): T {
  return module.default ?? module;
}
