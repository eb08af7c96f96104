/**
 * Whether the runtime's TLS library takes a client certificate with its key.
 *
 * Deno before 2.9 ends the whole process (a Rust panic, which nothing can catch) where an HTTP client is made with one that it does not
 * take, so it is asked first, by the one interface of that library that answers with an error: a server's.
 *
 * @module
 */

/** A certificate with its key, both PEM. */
export interface ClientCertificate {
  /** The certificate, with those of its issuers where they are needed. */
  readonly cert: string;
  /** The private key. */
  readonly key: string;
}

/** What is wrong, by what the library says of it. Its own words may quote the file. */
const FAULTS: readonly (readonly [pattern: string, fault: string])[] = [
  ["KeyMismatch", "client-key does not belong to client-certificate"],
  ["UnsupportedCertVersion", "client-certificate is of X.509 version 1, expected version 3"],
  ["BadEncoding", "client-certificate is not a certificate"],
  ["No certificates found", 'client-certificate has no "BEGIN CERTIFICATE" block'],
  ["No keys found", "client-key has no private key without a passphrase"],
  [
    "failed to parse private key",
    "client-key is of a kind or size that is not supported, expected RSA of 2048 bits or more, ECDSA P-256, P-384 or P-521, or Ed25519",
  ],
];

/**
 * What the library has against a client certificate; undefined: nothing. Opens a loopback socket for a moment, and accepts nobody.
 */
export function faultOf({ cert, key }: ClientCertificate): string | undefined {
  try {
    Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key }).close();
  } catch (error) {
    if (error instanceof Deno.errors.AddrNotAvailable || error instanceof Deno.errors.NotCapable) return undefined; // no answer at all
    const reason = error instanceof Error ? error.message : "";
    return FAULTS.find(([pattern]) => reason.includes(pattern))?.[1] ??
      "client-certificate or client-key is not valid PEM";
  }
}

/** Whether a fault is that of version 1, which `node:https` of some releases of Deno takes all the same. */
export function isVersionOne(fault: string): boolean {
  return fault === FAULTS[1]?.[1];
}
