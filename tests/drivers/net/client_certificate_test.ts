import assert from "node:assert/strict";
import { faultOf, isVersionOne } from "../../../drivers/net/client_certificate.ts";
import { writeClientCertificates } from "../../support/certificates.ts";

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
