/**
 * Decides which requests the page answers, and with which headers. Pure.
 *
 * The page listens on the loopback address only, but every web page in the operator's browser can send requests there. So a request needs the
 * token of this run, which is in the path and in no header or cookie; a Host that names this machine, which a rebound DNS name does not; no
 * Origin but the page's own; and a method that changes nothing.
 *
 * @module
 */

/** The answer to a refused request. */
export interface Refusal {
  /** HTTP status. */
  readonly status: number;
  /** One sentence. */
  readonly message: string;
}

/** A request that may pass. */
export interface Admission {
  /** The path behind the token: `""` for the page, `events`. */
  readonly path: string;
  /** The query. */
  readonly query: URLSearchParams;
}

/** What is decided on. */
export interface Knock {
  /** HTTP method. */
  readonly method: string;
  /** The whole URL. */
  readonly url: string;
  /** The headers. */
  readonly headers: Pick<Headers, "get">;
}

/** Names of this machine in a Host header; a forwarded port (`ssh -L`) may have any number. */
const LOCAL_HOST = /^(?:127\.0\.0\.1|localhost)(?::\d{1,5})?$/;

/** Bytes of a token. */
const TOKEN_BYTES = 24;

/** A random token, for one run. */
export function makeToken(): string {
  return crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)).toBase64({ alphabet: "base64url" });
}

/** Decides about a request. */
export function admit({ method, url, headers }: Knock, token: string): Admission | Refusal {
  const host = headers.get("host") ?? "";
  if (!LOCAL_HOST.test(host)) {
    return { status: 403, message: "The Host header names another machine: open the page at 127.0.0.1 or localhost" };
  }
  const origin = headers.get("origin");
  if (origin !== null && origin !== `http://${host}`) {
    return { status: 403, message: "Another web page sent this request" };
  }
  const site = headers.get("sec-fetch-site") ?? "none";
  const opensPage = headers.get("sec-fetch-mode") === "navigate" && headers.get("sec-fetch-dest") === "document";
  if (!["none", "same-origin"].includes(site) && !opensPage) {
    return { status: 403, message: "Another web page sent this request" };
  }
  const { pathname, searchParams } = new URL(url);
  const [, given = "", ...rest] = pathname.split("/");
  if (!equal(given, token) || rest.length === 0) {
    return { status: 403, message: "The address has no valid token: use the one that the command printed" };
  }
  if (method !== "GET") return { status: 405, message: `Method ${method} is not allowed: the page is read-only` };
  return { path: rest.join("/"), query: searchParams };
}

/** Compares in a time that does not depend on the position of the first difference. */
function equal(given: string, token: string): boolean {
  let differences = given.length ^ token.length;
  for (let i = 0; i < token.length; i++) differences |= given.charCodeAt(i) ^ token.charCodeAt(i);
  return differences === 0;
}

/** Directives of both forms of the page: no form, frame, base, or connection elsewhere. */
const COMMON_POLICY = ["default-src 'none'", "img-src data:", "base-uri 'none'", "form-action 'none'"];

/** The Content-Security-Policy of the served page. */
const SERVED_POLICY = [
  ...COMMON_POLICY,
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "frame-ancestors 'none'",
].join("; ");

/** The Content-Security-Policy of a file: its script and its style are inline, each with its hash. */
export function filePolicy(scriptHash: string, styleHash: string): string {
  return [...COMMON_POLICY, `script-src '${scriptHash}'`, `style-src '${styleHash}'`].join("; ");
}

/** The headers of every answer. */
export function headersOf(type: string): Record<string, string> {
  return {
    "content-type": type,
    "content-security-policy": SERVED_POLICY,
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
  };
}
