/**
 * What leads to an API server, and what comes back. `access.ts` reads the former, `connect.ts` opens the way.
 *
 * @module
 */
import { UnavailableError } from "../../src/storage/driver.ts";
import type { Proxy } from "../net/proxy.ts";

/** Address, trust and credentials. Values only, so that two readings can be compared. */
export interface Access {
  /** Base URL without a slash at its end. */
  readonly server: string;
  /** The name that the server's certificate must bear, if it is not that of the URL. */
  readonly serverName?: string;
  /** Namespace of our objects. */
  readonly namespace: string;
  /** CA certificates (PEM). Absent: the system's. */
  readonly ca?: string;
  /** Client certificate and key (PEM). */
  readonly certificate?: { readonly cert: string; readonly key: string };
  /** Bearer token. */
  readonly token?: string;
  /** Do not verify the server's certificate. */
  readonly insecure: boolean;
  /** The proxy that leads to the server; absent: none does. */
  readonly proxy?: Proxy;
  /** Where this comes from, for messages. */
  readonly source: string;
}

/** What a server was sent that no message shows, whatever the server answers. */
export function secretsOf({ token, proxy }: Access): (string | undefined)[] {
  if (!proxy) return [token];
  const { username, password } = new URL(proxy.url);
  const [user, secret] = [decodeURIComponent(username), decodeURIComponent(password)];
  return [token, password, secret, password && `${user}:${secret}`];
}

/** What came back, whole. */
export interface Answer {
  /** HTTP status. */
  readonly status: number;
  /** HTTP headers. */
  readonly headers: Headers;
  /** The body. */
  readonly text: string;
}

/**
 * Bytes of an answer that are read, unless the caller expects more. An object of the API has at most some 2 MB; the server may be any that
 * a configuration names.
 */
export const ANSWER_LIMIT = 16 * 1024 * 1024;

/** Bytes of a page of a list that are read: 500 pools of 0.5 MB. */
export const LIST_LIMIT = 256 * 1024 * 1024;

/** An answer whose body comes piece by piece. */
export interface Stream {
  /** HTTP status. */
  readonly status: number;
  /** HTTP headers. */
  readonly headers: Headers;
  /** The body. A broken connection rejects the read. */
  readonly body: ReadableStream<Uint8Array>;
}

/** A way to one API server. */
export interface Transport extends Disposable {
  /**
   * Sends a request and reads the answer.
   *
   * @param limit bytes of the answer; default {@linkcode ANSWER_LIMIT}
   * @throws where there is no answer, not a whole one, or a longer one
   */
  send(url: string, init: RequestInit, limit?: number): Promise<Answer>;
  /** Sends a request, and gives the answer as it comes. */
  stream(url: string, init: RequestInit): Promise<Stream>;
}

/** Reads a text that may be of any length. @throws {UnavailableError} it is longer than the limit */
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

/** An answer that is longer than is read. */
function tooLong(limit: number): UnavailableError {
  return new UnavailableError(`The answer has more than ${limit} bytes`);
}
