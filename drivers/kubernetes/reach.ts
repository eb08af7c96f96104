/**
 * Errors for an API server that gave no answer, with the reason and the remedy.
 *
 * @module
 */
import { RefusedError, UnavailableError } from "../../src/storage/driver.ts";
import { describeProxy } from "../net/proxy.ts";
import type { Access } from "./transport.ts";

/** Max characters of an error's text that are read. Some contain the names of a server's certificate. */
const MAX_MESSAGE = 8_000;
/** Max characters of the reason in it that are shown. */
const MAX_REASON = 300;

/** Messages of `fetch` and `node:https` about a server's certificate that is not trusted. */
const UNTRUSTED = /peer certificate|certificate's altnames|unable to (verify|get)|UNABLE_TO_|CERT_|self.signed/i;

/** Their messages about a server that refuses our side of the TLS handshake. */
const UNWELCOME = /fatal alert|alert (number|certificate|handshake|bad)/i;

/** Remedies for a server's certificate, by the reason. */
const ADVICE: readonly (readonly [reason: RegExp, advice: string])[] = [
  [
    /CaUsedAsEndEntity/,
    "the server presents the certificate of an authority as its own; install one that an authority issued",
  ],
  [/Expired|EXPIRED/, "renew the server's certificate, or set the clock"],
  [/NotValidForName|altnames/, "use a server that its certificate names, or set tls-server-name to such a name"],
  [
    /UnknownIssuer|verify|VERIFY|local issuer|LOCALLY|self.signed/i,
    "certificate-authority must hold the certificate of the authority that issued the server's; the server's own is not enough",
  ],
];

/**
 * The error for a request that got no answer.
 *
 * @param doing ends the sentence "Cannot reach the API server … "
 */
export function toReachError(error: unknown, access: Access, doing: string): Error {
  if (error instanceof RefusedError) return error;
  const { server, source, proxy } = access;
  const reason = reasonOf(error);
  const way = proxy ? ` through ${describeProxy(proxy)}` : "";
  if (UNWELCOME.test(reason)) {
    return new RefusedError(
      `The API server ${server}${way} refuses the TLS connection of ${source}: ${reason}; check its client-certificate`,
      {
        cause: error,
      },
    );
  }
  if (UNTRUSTED.test(reason)) {
    const advice = ADVICE.find(([pattern]) => pattern.test(reason))?.[1];
    const what = `Cannot trust the API server ${server}${way} of ${source}: ${reason}${
      advice === undefined ? "" : `; ${advice}`
    }`;
    return new RefusedError(what, { cause: error });
  }
  return new UnavailableError(`Cannot reach the API server ${server}${way} ${doing}: ${reason}`, { cause: error });
}

/** The innermost reason, without the prefixes of the libraries. */
export function reasonOf(error: unknown): string {
  const message = rootMessage(error).slice(0, MAX_MESSAGE);
  return message.replace(/^(error sending request .*?\): )?(client error \(\w+\): )?/, "").slice(0, MAX_REASON);
}

/** The reason of a failed request is in the outermost error in Deno before 2.9, and in the innermost cause in later releases. */
function rootMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : rootMessage(error.cause);
}
