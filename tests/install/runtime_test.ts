import assert from "node:assert/strict";
import { checkRelease, runtimeOf, sha256Of, verifyRuntime } from "../../install/runtime.ts";

const DIGEST = "0123456789abcdef".repeat(4);
const PINNED = [`denoland/deno:2.9.6@sha256:${DIGEST}`, `gcr.io/distroless/cc-debian12:nonroot@sha256:${DIGEST}`];

/** A program as `deno compile` writes it: runtime, payload, trailer. */
function compiled(runtime: string, payload: string): Uint8Array<ArrayBuffer> {
  const body = new TextEncoder().encode(`${runtime}${payload}d3n0l4nd`);
  const program = new Uint8Array(body.length + 16);
  program.set(body);
  new DataView(program.buffer).setBigUint64(program.length - 8, BigInt(payload.length + 24), true);
  return program;
}

Deno.test("runtimeOf returns the bytes before the payload, and refuses files without the trailer", () => {
  assert.equal(new TextDecoder().decode(runtimeOf(compiled("ELF runtime", "payload"))), "ELF runtime");
  assert.throws(() => runtimeOf(new TextEncoder().encode("short")), /expected the output of deno compile/);
  assert.throws(() => runtimeOf(new TextEncoder().encode("x".repeat(100))), /expected the output of deno compile/);
  const cut = compiled("", "payload");
  assert.throws(() => runtimeOf(cut), /runtime's end/);
});

Deno.test("verifyRuntime accepts only the known checksum", async () => {
  const program = compiled("ELF runtime", "payload");
  const sha256 = await sha256Of(new TextEncoder().encode("ELF runtime"));
  await verifyRuntime(program, sha256);
  await assert.rejects(() => verifyRuntime(program, DIGEST), new RegExp(`${sha256}, expected ${DIGEST}`));
  await assert.rejects(() => verifyRuntime(compiled("ELF runtimf", "payload"), sha256), /is not released/);
});

/** Unpinned inputs of a release, and what the message names. */
const UNPINNED: readonly (readonly [images: readonly string[], sha256: string, message: RegExp])[] = [
  [[], DIGEST, /--image/],
  [["denoland/deno:2.9.6"], DIGEST, /denoland\/deno:2\.9\.6.*@sha256:DIGEST/],
  [[PINNED[0] ?? "", "gcr.io/distroless/cc-debian12:nonroot"], DIGEST, /cc-debian12/],
  [[`denoland/deno@sha256:${DIGEST.slice(1)}`], DIGEST, /expected NAME:TAG@sha256:DIGEST/],
  [PINNED, "", /--runtime-sha256 ""/],
  [PINNED, DIGEST.toUpperCase().slice(2), /64 hexadecimal digits/],
];

Deno.test("checkRelease accepts pinned inputs, and names an unpinned one", () => {
  checkRelease(PINNED, DIGEST);
  for (const [images, sha256, message] of UNPINNED) assert.throws(() => checkRelease(images, sha256), message);
});
