/**
 * Tar archives in the ustar format (POSIX.1-1988), as far as images and releases need them.
 *
 * @module
 */
import { gunzipSync, gzipSync } from "node:zlib";

/** An entry of an archive. Paths are relative and below 100 bytes. */
type TarEntry =
  | { readonly path: string; readonly data: Uint8Array; readonly mode?: number }
  | { readonly path: string; readonly folder: true; readonly mode?: number }
  | { readonly path: string; readonly target: string };

/** Bytes of a block of the format (POSIX, ustar). */
const BLOCK = 512;
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

/** The checksum is that of the header with spaces in its own place. */
function putChecksum(header: Uint8Array): void {
  header.set(encoder.encode("        "), 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.set(encoder.encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
}

/** Compresses. The same bytes give the same bytes: the header has no time. */
export function compress(archive: Uint8Array): Uint8Array {
  return new Uint8Array(gzipSync(archive, { level: 9 }));
}

/**
 * A compressed archive with another time in all its entries.
 *
 * @param archive ustar, compressed with gzip
 * @param time Unix time in seconds
 */
export function withTime(archive: Uint8Array, time: number): Uint8Array {
  const all = new Uint8Array(gunzipSync(archive));
  for (let at = 0; all[at]; at += BLOCK) {
    const header = all.subarray(at, at + BLOCK);
    header.set(encoder.encode(`${time.toString(8).padStart(11, "0")}\0`), 136);
    putChecksum(header);
    const size = parseInt(new TextDecoder().decode(header.subarray(124, 136)), 8);
    at += Math.ceil(size / BLOCK) * BLOCK;
  }
  return compress(all);
}
