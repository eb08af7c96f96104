import assert from "node:assert/strict";
import { scrub, scrubValue } from "../../src/sysdump/scrub.ts";

const SECRET = "s3cretValue99";
const JWT = `eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlIn0.${SECRET}`;

for (
  const text of [
    `Cannot reach https://user:${SECRET}@etcd.local:2379 now`,
    `https_proxy=http://u:${SECRET}@proxy`,
    `authorization: Bearer ${SECRET}`,
    `used ${JWT} for it`,
    `{"etcd_password": "${SECRET}", "range": "10.0.0.0/24"}`,
    `etcd_password='${SECRET}' x`,
    `token: ${SECRET}`,
    `client-key-data: ${SECRET}`,
    `a\n-----BEGIN RSA PRIVATE KEY-----\n${SECRET}\n-----END RSA PRIVATE KEY-----\nb`,
    `cut off -----BEGIN PRIVATE KEY-----\n${SECRET}`,
  ]
) {
  Deno.test(`scrub removes the secret of ${JSON.stringify(text.replaceAll(SECRET, "X"))}`, () => {
    const shown = scrub(text);
    assert.equal(shown.includes(SECRET), false, shown);
  });
}

Deno.test("scrub leaves everything else unchanged", () => {
  for (
    const text of [
      'level=info msg="Allocated address" ip=10.0.0.5 pod=web/my-token-0 if=net1',
      'Cannot list Pods: needs the verb "list" on "pods"',
      "https://10.96.0.1:443/api answers 403",
      "user@example.org",
    ]
  ) assert.equal(scrub(text), text);
});

Deno.test("scrubValue scrubs every text of a value, which stays JSON", () => {
  const value = { a: [`password: "${SECRET}"`, 1, null], b: { c: true, d: `x://u:${SECRET}@h` } };
  const shown = JSON.stringify(scrubValue(value));
  assert.equal(shown.includes(SECRET), false);
  assert.deepEqual(JSON.parse(shown), { a: ["password: [secret]", 1, null], b: { c: true, d: "x://…@h" } });
});
