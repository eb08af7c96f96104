import assert from "node:assert/strict";
import { certificatesOf, readableCertificates } from "../../../drivers/net/authorities.ts";
import { writeAuthority } from "../../support/certificates.ts";

async function authority(): Promise<string> {
  const folder = await Deno.makeTempDir();
  try {
    await writeAuthority(folder);
    return await Deno.readTextFile(`${folder}/ca.crt`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const CA = await authority();
const NOT_DER = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

Deno.test("certificatesOf finds the certificates in any text in linear time", () => {
  const block = CA.trim();
  const found = (text: string) => certificatesOf(text).map((one) => one.trim());
  assert.deepEqual(found(CA + CA), [block, block]);
  assert.deepEqual(found(`junk\n${CA}-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n${CA}more`), [
    block,
    block,
  ]);
  assert.deepEqual(found(CA.replaceAll("\n", "\r\n")), [block.replaceAll("\n", "\r\n")]);
  assert.deepEqual(found(`-----BEGIN CERTIFICATE-----\nAAAA\n${CA}`), [block], "a block without an end");
  assert.deepEqual(found(""), []);
  const hostile = "-----BEGIN CERTIFICATE-----".repeat(40_000) + "-----END CERTIFICATE-----";
  assert.equal(found(hostile).length, 1);
});

Deno.test("readableCertificates keeps what the TLS library can read, and throws if nothing remains", () => {
  assert.deepEqual(readableCertificates(CA), [CA]);
  assert.deepEqual(readableCertificates(NOT_DER + CA).map((one) => one.trim()), [CA.trim()]);
  const bundle = CA.repeat(200);
  assert(bundle.length > 220_000);
  assert.deepEqual(readableCertificates(bundle), [bundle]);
  assert.equal(readableCertificates(NOT_DER + bundle).length, 200);
  const der = String.fromCharCode(
    ...Array.from(atob(CA.replace(/-----.*-----|\s/g, "")), (one) => one.charCodeAt(0) & 0x7f),
  );
  for (
    const [text, why] of [["", /^Has no certificate in PEM/], [der, /in PEM/], ["-----BEGIN", /in PEM/], [
      NOT_DER,
      /can be read, of 1$/,
    ]] as const
  ) {
    assert.throws(() => readableCertificates(text), (error) => error instanceof RangeError && why.test(error.message));
  }
});
