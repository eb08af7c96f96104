/**
 * Certificates as users configure them: bundles of CA certificates, and client certificates with their keys.
 *
 * @module
 */

const BEGIN = "-----BEGIN CERTIFICATE-----";
const END = "-----END CERTIFICATE-----";

/** The certificates of a PEM text, each as a separate block. Other blocks and the text between blocks are omitted. */
export function certificatesOf(text: string): string[] {
  return text.split(BEGIN).slice(1).flatMap((block) => {
    const end = block.indexOf(END);
    return end < 0 ? [] : [`${BEGIN}${block.slice(0, end)}${END}\n`]; // without its own end, the block is no certificate
  });
}

/**
 * The certificates of a PEM text that the runtime's TLS library can read. Unreadable ones are skipped, as in Go's `AppendCertsFromPEM`:
 * bundles of distributions contain some.
 *
 * @throws {RangeError} no readable certificate was found; the message gives the reason, starting with a verb
 */
export function readableCertificates(text: string): readonly string[] {
  if (isReadable(text) && text.includes(BEGIN)) return [text];
  const all = certificatesOf(text);
  if (all.length === 0) throw new RangeError(`Has no certificate in PEM (a block that begins with ${BEGIN})`);
  const readable = all.filter(isReadable);
  if (readable.length === 0) throw new RangeError(`Has no readable certificate among ${all.length}`);
  return readable;
}

function isReadable(pem: string): boolean {
  try {
    Deno.createHttpClient({ caCerts: [pem] }).close();
    return true;
  } catch {
    return false;
  }
}

/** A certificate with its key, both PEM. */
export interface ClientCertificate {
  /** The certificate, with those of its issuers if they are needed. */
  readonly cert: string;
  /** The private key. */
  readonly key: string;
}

/** Descriptions of the library's errors, which are not shown: they may quote the file. */
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
 * The reason why the runtime's TLS library refuses a client certificate; undefined if it accepts it.
 *
 * Deno before 2.9 aborts the process (a Rust panic, which cannot be caught) when it creates an HTTP client with a certificate that the
 * library does not accept. So the certificate is checked beforehand, with the one interface that reports an error: that of a server, on a
 * loopback socket that accepts no connection.
 */
export function faultOf({ cert, key }: ClientCertificate): string | undefined {
  try {
    Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key }).close();
  } catch (error) {
    if (error instanceof Deno.errors.AddrNotAvailable || error instanceof Deno.errors.NotCapable) return undefined; // cannot be checked here
    const reason = error instanceof Error ? error.message : "";
    return FAULTS.find(([pattern]) => reason.includes(pattern))?.[1] ??
      "client-certificate or client-key is not valid PEM";
  }
}

/** Whether a fault is that of version 1, which `node:https` accepts in some releases of Deno. */
export function isVersionOne(fault: string): boolean {
  return fault === FAULTS[1]?.[1];
}
