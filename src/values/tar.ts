/**
 * Tar archives in the ustar format (POSIX.1-1988), as far as images, releases and reports need them.
 *
 * @module
 */

/** An entry of an archive. Paths are relative and below 100 bytes. */
type TarEntry =
  | { readonly path: string; readonly data: Uint8Array; readonly mode?: number }
  | { readonly path: string; readonly folder: true; readonly mode?: number }
  | { readonly path: string; readonly target: string };

/** Bytes of a block of the format (POSIX, ustar). */
export const BLOCK = 512;
const encoder = new TextEncoder();

/** Puts entries together. The same entries give the same bytes: times and owners are zero. */
export function tar(entries: readonly TarEntry[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    parts.push(headerOf(entry));
    if (!("data" in entry)) continue;
    parts.push(entry.data, new Uint8Array((BLOCK - entry.data.length % BLOCK) % BLOCK));
  }
  parts.push(new Uint8Array(2 * BLOCK));
  return concat(parts);
}

/** Puts byte arrays after one another. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function headerOf(entry: TarEntry): Uint8Array {
  const header = new Uint8Array(BLOCK);
  const put = (at: number, text: string) => header.set(encoder.encode(text), at);
  const octal = (at: number, width: number, value: number) =>
    put(at, `${value.toString(8).padStart(width - 1, "0")}\0`);
  const path = "folder" in entry ? `${entry.path}/` : entry.path;
  if (encoder.encode(path).length > 99) throw new RangeError(`Cannot archive ${path}: expected a path below 100 bytes`);
  put(0, path);
  octal(100, 8, "target" in entry ? 0o777 : entry.mode ?? ("folder" in entry ? 0o755 : 0o644));
  octal(108, 8, 0);
  octal(116, 8, 0);
  octal(124, 12, "data" in entry ? entry.data.length : 0);
  octal(136, 12, 0);
  put(156, "folder" in entry ? "5" : "target" in entry ? "2" : "0");
  if ("target" in entry) put(157, entry.target);
  put(257, "ustar\x0000");
  putChecksum(header);
  return header;
}

/** Writes the checksum of a header: that of the header with spaces in its own place. */
export function putChecksum(header: Uint8Array): void {
  header.set(encoder.encode("        "), 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.set(encoder.encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
}
