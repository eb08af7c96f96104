/**
 * The Kubernetes client library: typed calls that end when they are told to. Loaded when it is first needed.
 *
 * @module
 */
import { createRequire } from "node:module";
import process from "node:process";
import type { CoreV1Api, KubeConfig } from "@kubernetes/client-node";
import { RefusedError, UnavailableError } from "../../src/storage/driver.ts";

/** The client library, with the credentials. */
export interface Library {
  /** The module. */
  readonly module: typeof import("@kubernetes/client-node");
  /** What it knows of the cluster. */
  readonly config: KubeConfig;
}

/** Gets at the library when it is first needed. */
export type GetLibrary = () => Promise<Library>;

/**
 * Loads it with the credentials of a kubeconfig; without one, those of the pod this runs in.
 *
 * @throws {RefusedError} the credentials cannot be used
 */
export async function loadLibrary(kubeconfig: string | undefined): Promise<Library> {
  const scope: { require?: unknown } = globalThis;
  scope.require ??= createRequire(import.meta.url); // parts of the library are CommonJS, and a bundle has no require
  process.noDeprecation = true; // theirs, about modules that they use: nothing an operator can do about
  const module = await import("@kubernetes/client-node");
  const config = new module.KubeConfig();
  try {
    if (kubeconfig === undefined) config.loadFromCluster();
    else config.loadFromFile(kubeconfig);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RefusedError(`Cannot use the kubeconfig ${JSON.stringify(kubeconfig)}: ${reason}`, { cause: error });
  }
  return { module, config };
}

type CallOptions = NonNullable<Parameters<CoreV1Api["createNamespacedEvent"]>[1]>;

/** Options of one typed call that ends when the signal aborts. */
export function ending({ Observable }: Library["module"], signal: AbortSignal): CallOptions {
  const stop: NonNullable<CallOptions["middleware"]>[number] = {
    pre: (context) => {
      context.setSignal(signal);
      return new Observable(Promise.resolve(context));
    },
    post: (context) => new Observable(Promise.resolve(context)),
  };
  return { middleware: [stop], middlewareMergeStrategy: "append" };
}

/** The HTTP status that a typed call failed with; undefined: it got no answer. */
export function codeOf(error: unknown): number | undefined {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "number" ? code : undefined;
}

/** What the caller of a typed call that failed should do. */
export function toStoreError(error: unknown, doing: string): Error {
  const code = codeOf(error);
  const reason = error instanceof Error ? error.message.split("\n", 1)[0] : String(error);
  const said = `Cannot ${doing}: ${reason}`;
  const final = code !== undefined && code >= 400 && code < 500 && code !== 408 && code !== 429;
  return final ? new RefusedError(said, { cause: error }) : new UnavailableError(said, { cause: error });
}
