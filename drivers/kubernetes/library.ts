/**
 * The Kubernetes client library: typed calls that end when they are told to. Loaded when it is first needed.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import process from "node:process";
import type { CoreV1Api, KubeConfig } from "@kubernetes/client-node";
import { RefusedError, UnavailableError } from "../../src/storage/driver.ts";
import { connect } from "./connect.ts";
import type { Access } from "./transport.ts";

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
 * The library with the credentials as they are at each call: they rotate.
 *
 * @throws {RefusedError} the credentials cannot be used
 */
export function followLibrary(readAccess: () => Promise<Access>): GetLibrary {
  let known: { readonly access: string; readonly library: Promise<Library> } | undefined;
  return async () => {
    const access = await readAccess();
    const text = JSON.stringify(access);
    if (known?.access !== text) known = { access: text, library: loadLibrary(access) };
    return await known.library;
  };
}

/**
 * Loads the library with credentials.
 *
 * @throws {RefusedError} the credentials cannot be used
 */
export async function loadLibrary(access: Access): Promise<Library> {
  connect(access)[Symbol.dispose](); // says what is wrong with certificates, by name
  const scope: { require?: unknown } = globalThis;
  scope.require ??= createRequire(import.meta.url); // parts of the library are CommonJS, and a bundle has no require
  process.noDeprecation = true; // theirs, about modules that they use: nothing an operator can do about
  const module = await import("@kubernetes/client-node");
  const config = new module.KubeConfig();
  const { server, serverName, insecure, proxy, ca, certificate, token } = access;
  config.loadFromOptions({
    clusters: [{
      name: NAME,
      server,
      skipTLSVerify: insecure,
      ...(ca !== undefined && { caData: base64(ca) }),
      ...(serverName !== undefined && { tlsServerName: serverName }),
      ...(proxy && { proxyUrl: proxy.url }),
    }],
    users: [{
      name: NAME,
      ...(token !== undefined && { token }),
      ...(certificate && { certData: base64(certificate.cert), keyData: base64(certificate.key) }),
    }],
    contexts: [{ name: NAME, cluster: NAME, user: NAME }],
    currentContext: NAME,
  });
  return { module, config };
}

/** The one cluster, user and context that the library is told of. */
const NAME = "whereabouts";

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
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
