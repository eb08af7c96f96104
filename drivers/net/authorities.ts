/**
 * CA certificates as users configure them: bundles with text between the certificates, and with entries that no library can read.
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
  if (readable.length === 0) throw new RangeError(`Has no certificate that can be read, of ${all.length}`);
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
