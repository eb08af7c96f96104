/**
 * Why an API server gave no answer, and what to do about it.
 *
 * @module
 */
import { RefusedError, UnavailableError } from "../../src/storage/driver.ts";
import { describeProxy } from "../net/proxy.ts";
import type { Access } from "./transport.ts";

/** Characters of a failure's text that are read, and of the reason in it that are shown: names of a server's certificate are part of some. */
const LONGEST_MESSAGE = 8_000;
const LONGEST_REASON = 300;

/** How `fetch` and `node:https` say that a server's certificate does not verify. */
const UNTRUSTED = /peer certificate|certificate's altnames|unable to (verify|get)|UNABLE_TO_|CERT_|self.signed/i;

/** How they say that the server refuses what we showed it. */
const UNWELCOME = /fatal alert|alert (number|certificate|handshake|bad)/i;

/** What to do about a server's certificate, by the reason. */
const ADVICE: readonly (readonly [reason: RegExp, advice: string])[] = [
  [
    /CaUsedAsEndEntity/,
    "the server uses the certificate of an authority as its own: give it one that an authority issued",
  ],
  [/Expired|EXPIRED/, "renew the server's certificate, or set the clock"],
  [/NotValidForName|altnames/, "use a server that its certificate names, or set tls-server-name to such a name"],
  [
    /UnknownIssuer|verify|VERIFY|local issuer|LOCALLY|self.signed/i,
    "certificate-authority must hold the certificate of the authority that issued the server's; the server's own is not enough",
  ],
];

/**
 * The error for whoever sent a request.
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

/** The innermost reason, without what the libraries put before it. */
export function reasonOf(error: unknown): string {
  const message = rootMessage(error).slice(0, LONGEST_MESSAGE);
  return message.replace(/^(error sending request .*?\): )?(client error \(\w+\): )?/, "").slice(0, LONGEST_REASON);
}

/** Deno before 2.9 says at the top why a request failed, later releases at the bottom of the causes. */
function rootMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : rootMessage(error.cause);
}
