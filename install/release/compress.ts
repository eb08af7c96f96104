/**
 * Compressed archives with the same bytes for the same content.
 *
 * @module
 */
import { gunzipSync, gzipSync } from "node:zlib";
import { BLOCK, putChecksum } from "../../src/values/tar.ts";

const encoder = new TextEncoder();

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
