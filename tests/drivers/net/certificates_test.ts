import assert from "node:assert/strict";
import { certificatesOf, faultOf, isVersionOne, readableCertificates } from "../../../drivers/net/certificates.ts";
import { writeAuthority, writeClientCertificates } from "../../support/certificates.ts";

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
      /readable certificate among 1$/,
    ]] as const
  ) {
    assert.throws(() => readableCertificates(text), (error) => error instanceof RangeError && why.test(error.message));
  }
});

Deno.test("faultOf names every reason of the TLS library to refuse a client certificate", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const read = (name: string) => Deno.readTextFileSync(`${folder}/${name}`);
    await writeClientCertificates(folder);
    const pair = (cert: string, key: string = cert) => ({ cert: read(`${cert}.crt`), key: read(`${key}.key`) });
    for (const good of ["rsa", "p256", "p521", "ed25519"]) assert.equal(faultOf(pair(good)), undefined, good);
    const table: [{ cert: string; key: string }, RegExp][] = [
      [pair("rsa", "other"), /^client-key does not belong to client-certificate$/],
      [pair("rsa", "p256"), /^client-key does not belong to client-certificate$/],
      [pair("small"), /^client-key is of a kind or size that is not supported, expected RSA of 2048 bits or more/],
      [pair("version1"), /^client-certificate is of X\.509 version 1, expected version 3$/],
      [
        { ...pair("rsa"), cert: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" },
        /^client-certificate is not a/,
      ],
      [{ ...pair("rsa"), cert: "" }, /^client-certificate has no "BEGIN CERTIFICATE" block$/],
      [{ ...pair("rsa"), cert: "hello" }, /^client-certificate has no "BEGIN/],
      [{ ...pair("rsa"), key: "" }, /^client-key has no private key without a passphrase$/],
      [{ cert: read("rsa.crt"), key: read("rsa.crt") }, /^client-key has no private key/],
      [{ cert: read("rsa.crt"), key: read("encrypted.key") }, /^client-key has no private key without a passphrase$/],
      [{ ...pair("rsa"), cert: read("rsa.crt").replaceAll("\n", " ") }, /is not valid PEM$/],
      [{ ...pair("rsa"), key: read("rsa.key").replace(/-----END.*/, "") }, /is not valid PEM$/],
    ];
    for (const [certificate, expected] of table) assert.match(faultOf(certificate) ?? "none", expected);
    assert.equal(isVersionOne(faultOf(pair("version1")) ?? ""), true);
    assert.equal(isVersionOne(faultOf(pair("small")) ?? ""), false);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
