/**
 * Loads npm:etcd3, a CommonJS package: it finds its protocol files through `__dirname`, and built-in modules through `require`. In a bundle
 * both are missing, so they are defined first; `install/compile.ts` puts the files where the library then expects them.
 *
 * @module
 */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

export type { ComparatorBuilder, DeleteBuilder, Etcd3, IOptions, PutBuilder } from "npm:etcd3@1.1.2";

/** The used part of the library. */
interface Library {
  /** The client. */
  readonly Etcd3: typeof import("npm:etcd3@1.1.2").Etcd3;
  /** The policy that does nothing about a failure. */
  readonly noop: typeof import("npm:cockatiel@3.2.1").noop;
}

/** Loads the library once. */
export async function loadLibrary(): Promise<Library> {
  const scope: { __dirname?: string; require?: unknown } = globalThis;
  scope.__dirname ??= fileURLToPath(new URL("./lib", import.meta.url)); // the library appends "/../proto"
  scope.require ??= createRequire(import.meta.url);
  const { Etcd3 } = exportsOf(await import("npm:etcd3@1.1.2"));
  const { noop } = exportsOf(await import("npm:cockatiel@3.2.1"));
  return { Etcd3, noop };
}

/** In a bundle, the exports of a CommonJS module are only on its default export. */
function exportsOf<T extends object>(module: T & { default?: T }): T {
  return module.default ?? module;
}
