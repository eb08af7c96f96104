/**
 * Access to an API server, which `access.ts` reads; its transports, which `connect.ts` creates; and its answers.
 *
 * @module
 */
import { UnavailableError } from "../../src/storage/driver.ts";
import type { Proxy } from "../net/proxy.ts";

/** Address, trust and credentials. Values only, so that two reads can be compared. */
export interface Access {
  /** Base URL without a trailing slash. */
  readonly server: string;
  /** The name that the server's certificate must have, if it is not that of the URL. */
  readonly serverName?: string;
  /** Namespace of our objects. */
  readonly namespace: string;
  /** CA certificates (PEM). Absent: the system's. */
  readonly ca?: string;
  /** Client certificate and key (PEM). */
  readonly certificate?: { readonly cert: string; readonly key: string };
  /** Bearer token. */
  readonly token?: string;
  /** Whether to skip the verification of the server's certificate. */
  readonly insecure: boolean;
  /** The proxy for the server; absent if it is reached directly. */
  readonly proxy?: Proxy;
  /** Path of the kubeconfig, or of the service account's folder, for messages. */
  readonly source: string;
}

/** Values that are sent to a server or proxy and that no message may show, whatever the server answers. */
export function secretsOf({ token, proxy }: Access): (string | undefined)[] {
  if (!proxy) return [token];
  const { username, password } = new URL(proxy.url);
  const [user, secret] = [decodeURIComponent(username), decodeURIComponent(password)];
  return [token, password, secret, password && `${user}:${secret}`];
}

/** A complete answer. */
export interface Answer {
  /** HTTP status. */
  readonly status: number;
  /** HTTP headers. */
  readonly headers: Headers;
  /** The body. */
  readonly text: string;
}

/**
 * Max bytes of an answer, unless the caller expects more. An object of the API has at most some 2 MB, but a configuration may name any
 * server.
 */
export const ANSWER_LIMIT = 16 * 1024 * 1024;

/** Max bytes of a page of a list: 500 pools of 0.5 MB. */
export const LIST_LIMIT = 256 * 1024 * 1024;

/** An answer whose body arrives in pieces. */
export interface Stream {
  /** HTTP status. */
  readonly status: number;
  /** HTTP headers. */
  readonly headers: Headers;
  /** The body. A broken connection rejects the read. */
  readonly body: ReadableStream<Uint8Array>;
}

/** Sends requests to one API server. */
export interface Transport extends Disposable {
  /**
   * Sends a request and reads the answer.
   *
   * @param limit max bytes of the answer; default {@linkcode ANSWER_LIMIT}
   * @throws the answer is missing, incomplete or longer than the limit
   */
  send(url: string, init: RequestInit, limit?: number): Promise<Answer>;
  /** Sends a request, and returns the answer as it arrives. */
  stream(url: string, init: RequestInit): Promise<Stream>;
}

/** Reads a text of unknown length. @throws {UnavailableError} it is longer than the limit */
export async function readText(body: AsyncIterable<Uint8Array>, limit: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > limit) throw tooLong(limit);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function tooLong(limit: number): UnavailableError {
  return new UnavailableError(`The answer has more than ${limit} bytes`);
}
