/**
 * The runtime inside a compiled program, and the checks of a release.
 *
 * A compiled program is the runtime (`denort`), unchanged, then a payload and a trailer of 24 bytes: `d3n0l4nd`, two 32-bit numbers, and
 * the distance from the end of the file back to the end of the runtime as a 64-bit number, little endian
 * (denoland/deno, cli/lib/standalone/binary.rs).
 *
 * @module
 */

const MAGIC = "d3n0l4nd";
/** Bytes of a trailer. */
const TRAILER = 24;
const SHA256 = /^[0-9a-f]{64}$/;

/**
 * The runtime of a compiled program.
 *
 * @throws {RangeError} the program does not end with the trailer
 */
export function runtimeOf(program: Uint8Array): Uint8Array<ArrayBuffer> {
  const trailer = program.subarray(Math.max(0, program.length - TRAILER));
  if (new TextDecoder().decode(trailer.subarray(0, MAGIC.length)) !== MAGIC || trailer.length < TRAILER) {
    throw new RangeError(`The program does not end with the trailer ${MAGIC}: expected the output of deno compile`);
  }
  const distance = Number(new DataView(trailer.buffer, trailer.byteOffset).getBigUint64(16, true));
  if (distance < TRAILER || distance >= program.length) {
    throw new RangeError(
      `The trailer of the program is invalid: the runtime's end is ${distance} bytes before the end of ${program.length}`,
    );
  }
  return new Uint8Array(program.subarray(0, program.length - distance));
}

/** The SHA-256 checksum in lower-case hexadecimal digits. */
export async function sha256Of(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Refuses inputs that a third party could replace: an image without digest, a runtime without a known checksum.
 *
 * @param images image references; a release names each by digest
 * @param sha256 the known checksum of the runtime
 * @throws {RangeError} an input is not pinned
 */
export function checkRelease(images: readonly string[], sha256: string): void {
  if (images.length === 0) {
    throw new RangeError("Cannot release: expected --image REFERENCE for each base image, got none");
  }
  for (const image of images) {
    if (/@sha256:[0-9a-f]{64}$/.test(image)) continue;
    throw new RangeError(
      `Cannot release with --image ${
        JSON.stringify(image)
      }: expected NAME:TAG@sha256:DIGEST; read the digest from the registry ` +
        "(docker buildx imagetools inspect NAME:TAG)",
    );
  }
  if (SHA256.test(sha256)) return;
  throw new RangeError(
    `Cannot release with --runtime-sha256 ${
      JSON.stringify(sha256)
    }: expected the 64 hexadecimal digits of the checksum that the ` +
      "publisher of Deno gives for denort of this version and platform",
  );
}

/**
 * Verifies the checksum of the runtime inside a compiled program.
 *
 * @throws {RangeError} the runtime has another checksum
 */
export async function verifyRuntime(program: Uint8Array, sha256: string): Promise<void> {
  const found = await sha256Of(runtimeOf(program));
  if (found === sha256) return;
  throw new RangeError(
    `The runtime has the checksum ${found}, expected ${sha256}: the program is not released`,
  );
}
